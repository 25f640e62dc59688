"""Dead letters are looked at one by one, and stay as evidence whatever their service does."""

from uuid import uuid4

import aio_pika
import aiormq
import pytest

from shared.backoffice import dead_letters
from shared.backoffice.dead_letters import (
    DeadLetters,
    DeadLettersBusy,
    NoSuchDeadLetter,
    NoSuchQueue,
    people_of,
)
from shared.contracts.routes import QUEUES
from shared.messaging.broker import Broker
from shared.messaging.dead_letters import BrokerUnavailable, DeadLetterQueues
from shared.messaging.log import read_log
from shared.messaging.topology import DEAD_LETTER_STREAM
from tests.shared.messaging.dead_letters import BODY, QUEUE, arrived, only, wish
from tests.shared.messaging.waiting import eventually


async def test_what_is_gone_or_never_was_is_said(wallet_dead_letters, set_aside, take):
    await set_aside()
    found, _ = await only(wallet_dead_letters)
    # At the terminal, meanwhile.
    await take(f"{QUEUE}.dlq")

    with pytest.raises(NoSuchDeadLetter):
        await wallet_dead_letters.redrive(wish(found.id), route="/test")
    with pytest.raises(NoSuchQueue):
        await wallet_dead_letters.read("gift.outcomes")


async def test_looks_at_a_queue_take_turns(wallet_dead_letters, set_aside, monkeypatch):
    monkeypatch.setattr(dead_letters, "TURN_SECONDS_MAX", 0.2)
    await set_aside()

    async with wallet_dead_letters.held(QUEUE):
        with pytest.raises(DeadLettersBusy):
            await wallet_dead_letters.read(QUEUE)

    assert len(await wallet_dead_letters.read(QUEUE)) == 1


async def test_what_crashes_a_service_again_and_again_is_listed_redriven_and_kept_too(
    wallet_dead_letters, broker_of, relay, take, rabbit, vhost
):
    """The broker itself sets it aside, in the name of the owner of its event."""
    event = next(iter(QUEUES[QUEUE]))
    async with await broker_of(event.owner()).connect("test") as connection:
        channel = await connection.channel(on_return_raises=True)
        message = aio_pika.Message(
            BODY, user_id=event.owner(), type=event.type(), message_id=str(uuid4())
        )
        exchange = await channel.get_exchange(f"ovation.events.{event.owner()}", ensure=False)
        await exchange.publish(message, routing_key=event.name)

    async def is_set_aside():
        async with await broker_of("wallet").connect("test") as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(QUEUE, ensure=False)
            if (crashed := await queue.get(fail=False)) is not None:
                await crashed.reject(requeue=True)
        return await wallet_dead_letters.read(QUEUE)

    await eventually(is_set_aside)
    relay()
    found, _ = await only(wallet_dead_letters)
    assert found.delivery.headers["x-first-death-reason"] == "delivery_limit"

    assert (await wallet_dead_letters.redrive(wish(found.id), route="/test"))[1] is True

    (again,) = await arrived(take)
    assert again.headers["ovation_said_by"] == event.owner()
    async with await aio_pika.connect(rabbit.url(vhost)) as connection:
        kept = [each async for each in read_log(connection, DEAD_LETTER_STREAM, start="first")]
    assert [(each.user_id, each.routing_key) for each in kept] == [(event.owner(), QUEUE)]


async def test_a_broker_that_goes_before_the_removal_is_said(wallet_dead_letters, set_aside):
    """The dead letter is still there, and the next request finishes the work."""
    await set_aside()

    async def remove_without_a_channel():
        async with wallet_dead_letters.held(QUEUE) as (found,):
            await found.message.channel.close()
            await found.remove()

    with pytest.raises(BrokerUnavailable):
        await remove_without_a_channel()

    assert len(await wallet_dead_letters.read(QUEUE)) == 1


async def test_a_broker_that_is_away_is_said(wallet_database):
    away = Broker("amqp://wallet@127.0.0.1:9/nowhere", "x", "wallet")

    with pytest.raises(BrokerUnavailable):
        await DeadLetters(wallet_database, DeadLetterQueues(away)).read(QUEUE)


async def test_a_service_can_remove_its_dead_letters_and_not_what_they_prove(
    broker_of, set_aside, wallet_dead_letters, rabbit, vhost
):
    await set_aside(ovation_error_code="foreign-publisher")
    async with await broker_of("wallet").connect("test") as connection:
        channel = await connection.channel()
        await (await channel.get_queue(f"{QUEUE}.dlq", ensure=False)).purge()
    assert await wallet_dead_letters.read(QUEUE) == []

    async with await broker_of("wallet").connect("test") as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        underlay = await channel.get_underlay_channel()
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await underlay.basic_consume(DEAD_LETTER_STREAM, print)
    async with await aio_pika.connect(rabbit.url(vhost)) as connection:
        found = [each async for each in read_log(connection, DEAD_LETTER_STREAM, start="first")]
    assert [(each.user_id, each.body) for each in found] == [("wallet", BODY)]


@pytest.mark.parametrize(
    ("body", "people"),
    [
        (BODY, ["mira", "lea"]),
        (b"{}", []),
        (b"[1]", []),
        (b"\xff", []),
        (b'{"partitionkey": "mira", "data": 5}', []),
        (b'{"partitionkey": 5, "data": {"user": "mira"}}', ["mira"]),
        (
            b'{"partitionkey": "ann", "data": {"creator": "ann", "shared_by": "lea"}}',
            ["ann", "lea"],
        ),
        (b'{"partitionkey": "r", "data": {"guests": ["lea", 1, "ann"]}}', ["r", "lea", "ann"]),
    ],
)
def test_whom_a_dead_letter_is_about_is_read_if_it_can_be(body, people):
    assert people_of(body) == people
