"""A service may do at the broker what it needs, and nothing else."""

import json
from pathlib import Path

import aio_pika
import aiormq
import pytest

from shared.contracts.routes import EVENTS, QUEUES, SERVICES
from shared.messaging.retry import DELAYS
from shared.messaging.topology import topology, user_names, users

COMMITTED = Path("deploy/rabbitmq/10-topology.json")


def test_the_committed_topology_is_the_one_the_code_describes():
    assert json.loads(COMMITTED.read_text()) == topology()


def test_every_event_has_somewhere_to_go():
    """An event without a binding would be returned, and hold back its key for ever."""
    logs = {f"{event.owner()}.#" for event in EVENTS}

    assert logs <= {binding["routing_key"] for binding in topology()["bindings"]}


def test_every_work_queue_has_a_limit_and_a_place_for_the_dead():
    queues = {queue["name"]: queue["arguments"] for queue in topology()["queues"]}

    for name in QUEUES:
        assert queues[name]["x-delivery-limit"] == 20
        assert queues[name]["x-dead-letter-routing-key"] == name
        assert f"{name}.dlq" in queues


def test_every_queue_has_a_delivery_limit_those_of_the_dead_and_the_delayed_too():
    """Brokers differ in what they do without one: some would deliver for ever."""
    queues = [
        queue for queue in topology()["queues"] if queue["arguments"]["x-queue-type"] != "stream"
    ]

    # A delay has a queue for each service, and the one that the version before used.
    assert len(queues) == 2 * len(QUEUES) + len(DELAYS) * (len(SERVICES) + 1)
    assert all(queue["arguments"].get("x-delivery-limit", 0) >= 20 for queue in queues)


def test_passwords_are_salted_and_never_in_clear():
    passwords = dict.fromkeys(user_names(), "pw")
    hashes = {user["password_hash"] for user in users(passwords)["users"]}

    assert len(hashes) == len(SERVICES) + 2
    assert "pw" not in hashes


async def attempt(broker, action):
    connection = await broker.connect("test")
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        return await action(channel)


async def test_a_service_cannot_declare_anything(broker_of):
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await attempt(broker_of("gift"), lambda channel: channel.declare_queue("gift.mine"))


async def test_a_service_cannot_speak_in_another_name(broker_of):
    async def speak(channel):
        exchange = await channel.get_exchange("ovation.events.gift")
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="purchase.paid")

    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await attempt(broker_of("gift"), speak)


async def test_a_service_cannot_sign_as_another(broker_of):
    async def sign(channel):
        exchange = await channel.get_exchange("ovation.events.gift")
        message = aio_pika.Message(b"{}", user_id="purchase")
        await exchange.publish(message, routing_key="gift.sent")

    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
        await attempt(broker_of("gift"), sign)


@pytest.mark.parametrize("queue", ["wallet.gifts", "wallet.gifts.dlq", "ovation.log.wallet"])
async def test_a_service_cannot_read_what_is_not_its_own(broker_of, queue):
    async def read(channel):
        await (await channel.get_queue(queue, ensure=False)).get(fail=False)

    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await attempt(broker_of("gift"), read)


async def test_a_service_sees_that_its_own_log_is_there(broker_of):
    async def consume(channel):
        await channel.set_qos(prefetch_count=1)
        underlay = await channel.get_underlay_channel()
        return await underlay.basic_consume("ovation.log.gift", print)

    assert await attempt(broker_of("gift"), consume)


async def test_a_service_cannot_redeliver(broker_of):
    async def redeliver(channel):
        exchange = await channel.get_exchange("ovation.redeliver", ensure=False)
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="gift.outcomes")

    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await attempt(broker_of("gift"), redeliver)
