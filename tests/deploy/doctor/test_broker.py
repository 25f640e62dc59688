"""The doctor names what is wrong with the broker, and disks that are nearly full."""

import asyncio
import time
from dataclasses import replace

import pytest

from deploy.ctl.doctor import broker, disks
from deploy.ctl.doctor.findings import Limits
from deploy.harness.rabbitmq import LocalRabbit
from shared.messaging.topology import topology, users
from tests.deploy.doctor.conftest import found, problem


@pytest.fixture
def own_vhost(healthy, vhost):
    """The same installation with a vhost of this test alone."""
    return replace(healthy, servers=replace(healthy.servers, vhost=vhost))


async def test_a_binding_that_is_missing_and_a_queue_of_another_type(own_vhost, rabbit, vhost):
    assert await found(own_vhost, "topology") == []
    rabbit.manage("DELETE", f"/api/bindings/{vhost}/e/ovation.events.gift/q/live.gifts/gift.sent")
    rabbit.manage("DELETE", f"/api/queues/{vhost}/webhooks.events")
    rabbit.manage("PUT", f"/api/queues/{vhost}/webhooks.events", {"durable": True})

    findings = {each.place: each.problem for each in await found(own_vhost, "topology")}

    assert findings["ovation.events.gift live.gifts queue gift.sent"] == "bindings: missing"
    assert findings["webhooks.events"] == "queues: other arguments"


async def test_dead_letters_above_the_limit(own_vhost, rabbit, vhost):
    message = {
        "properties": {},
        "routing_key": "live.gifts.dlq",
        "payload": "lost",
        "payload_encoding": "string",
    }
    rabbit.manage("POST", f"/api/exchanges/{vhost}/amq.default/publish", message)
    # The broker counts its messages every few seconds.
    while not rabbit.manage("GET", f"/api/queues/{vhost}/live.gifts.dlq").get("messages"):
        await asyncio.sleep(0.1)

    assert await problem(own_vhost, "dead-letters") == "live.gifts: 1 dead letters; the limit is 0"
    assert await found(replace(own_vhost, limits=Limits(dead_letters=1)), "dead-letters") == []


async def test_a_broker_that_stops_publishers(healthy, credentials):
    """A node of its own: an alarm of the one that all tests share would stop them."""
    limits = {"disk_free_limit.absolute": "8000GB", "vm_memory_high_watermark.absolute": "1MB"}
    with LocalRabbit(limits) as node:
        node.load(topology())
        node.load(users(credentials.broker))
        servers = replace(
            healthy.servers, rabbit=node.management_url, broker=node.place, vhost="ovation"
        )
        stopped = replace(healthy, servers=servers)
        deadline = time.monotonic() + 60
        while len(findings := await found(stopped, "broker-alarm")) < 2:
            assert time.monotonic() < deadline, findings
            await asyncio.sleep(0.2)

    assert [each.problem.split(":")[0] for each in findings] == ["memory alarm", "disk alarm"]


async def test_disks_that_are_nearly_full(healthy, monkeypatch, tmp_path):
    monkeypatch.setattr(disks, "FREE_SHARE_MIN", 1.1)
    monkeypatch.setattr(broker, "DISK_MARGIN", 1_000_000_000)
    archives = replace(healthy, archive=str(tmp_path))

    places = {each.place for each in await found(archives, "disk")}
    assert str(tmp_path) in places
    assert "publishers are stopped" in await problem(healthy, "broker-disk")
