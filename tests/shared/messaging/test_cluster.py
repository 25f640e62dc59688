"""A broker of several nodes, all named in one address: whichever answers will do."""

import socket
from dataclasses import replace

import pytest

from deploy.harness.ports import free_port
from shared.amqp import connection
from shared.messaging.broker import close_quietly

CONNECTIONS = 12


@pytest.fixture
def silent():
    """A node that takes connections and never says a word; returns its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def broker_at(rabbit, vhost, broker_of):
    """The broker as `gift` finds it, with these nodes beside the one that is there."""

    def broker(*others):
        nodes = ",".join([*others, f"{rabbit.host}:{rabbit.port}"])
        return replace(broker_of("gift"), url=f"amqp://gift@{nodes}/{vhost}")

    return broker


async def test_a_node_that_is_gone_or_silent_is_passed_over(broker_at, silent, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS_MAX", 0.2)
    broker = broker_at(f"127.0.0.1:{free_port()}", f"127.0.0.1:{silent}")

    for _ in range(CONNECTIONS):
        opened = await broker.connect("relay")
        assert not opened.is_closed
        await close_quietly(opened)


async def test_connections_spread_over_the_nodes(broker_at, rabbit):
    """The same node under two names: each is asked for by some."""
    opened = [
        await broker_at(f"localhost:{rabbit.port}").connect("relay") for _ in range(CONNECTIONS)
    ]

    assert {each.url.host for each in opened} == {"localhost", rabbit.host}
    for each in opened:
        await close_quietly(each)
