"""An operator redrives a dead letter by the API of its service: once, and nothing is lost."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime
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
    RedriveForbidden,
    RedriveRequest,
    people_of,
)
from shared.contracts.routes import QUEUES
from shared.idempotency import KeyReused
from shared.identity.people import OwnMoney
from shared.messaging.broker import Broker
from shared.messaging.dead_letters import BrokerUnavailable, DeadLetterQueues, Taken
from shared.messaging.log import read_log
from shared.messaging.topology import DEAD_LETTER_STREAM
from shared.postgres.statements import text
from tests.shared.messaging.conftest import eventually

QUEUE = "wallet.gifts"
SENT = "dev.ovation.gift.sent.v1"
BODY = json.dumps({"partitionkey": "mira", "data": {"viewer": "mira", "creator": "lea"}}).encode()
SET_ASIDE = {
    "cloudEvents_type": SENT,
    "cloudEvents_partitionkey": "mira",
    "ovation_message_id": "m-1",
    "ovation_said_by": "gift",
    "ovation_error_code": "KeyError",
    "ovation_error_message": "'rose'",
    "ovation_attempts": "5",
}


@pytest.fixture
def letters(wallet_database, broker_of):
    return DeadLetters(wallet_database, DeadLetterQueues(broker_of("wallet")))


@pytest.fixture
def set_aside(broker_of):
    """Put a dead letter into the queue of them, as its service does."""

    async def publish(body=BODY, user="wallet", exchange="ovation.dlx.wallet", **headers):
        async with await broker_of(user).connect("test") as connection:
            channel = await connection.channel(on_return_raises=True)
            message = aio_pika.Message(
                body, user_id=user, type=SENT, message_id="x", headers={**SET_ASIDE, **headers}
            )
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(message, routing_key=QUEUE)

    return publish


def wish(dead_letter, *, operator="opal", key="k-1", queue=QUEUE):
    return RedriveRequest(dead_letter, queue, operator, key, dead_letter.bytes, "it is mended")


async def only(letters):
    ((found, redrive),) = await letters.read(QUEUE)
    return found, redrive


async def arrived(take, count=1):
    found = []

    async def are_there():
        found.extend(await take(QUEUE))
        return len(found) >= count

    await eventually(are_there)
    return found


async def test_a_dead_letter_goes_to_its_queue_again_and_leaves_its_own(
    letters, set_aside, relay, take, wallet_database
):
    await set_aside()
    relay()
    found, redrive = await only(letters)
    assert redrive is None

    redriven, is_removed = await letters.redrive(wish(found.id), route="/test")

    (message,) = await arrived(take)
    assert (is_removed, redriven.operator, redriven.message) == (True, "opal", "m-1")
    assert await letters.read(QUEUE) == []
    assert (message.user_id, message.body) == ("wallet", BODY)
    # It begins anew: without its reason, with all its attempts, in the name of its owner.
    kept = {name: message.headers.get(name) for name in SET_ASIDE}
    assert kept == {
        **dict.fromkeys(SET_ASIDE),
        "cloudEvents_type": SENT,
        "cloudEvents_partitionkey": "mira",
        "ovation_message_id": "m-1",
        "ovation_said_by": "gift",
    }
    assert message.headers["ovation_redrive"] == "1"
    async with wallet_database.reference.transaction() as tx:
        (line,) = await tx.execute(text("SELECT operator, action, user_id, reason FROM audit"))
    assert tuple(line) == ("opal", "dead_letter.redriven", "mira", "it is mended")


async def test_a_dead_letter_stays_until_the_broker_has_its_message_and_is_sent_once(
    letters, set_aside, relay, take, monkeypatch
):
    monkeypatch.setattr(dead_letters, "CONFIRM_SECONDS_MAX", 0.1)
    await set_aside()
    found, _ = await only(letters)

    # Nothing is published: the relay does not run.
    assert (await letters.redrive(wish(found.id), route="/test"))[1] is False
    _, redrive = await only(letters)
    assert redrive.operator == "opal"

    monkeypatch.setattr(dead_letters, "CONFIRM_SECONDS_MAX", 60)
    relay()
    again = wish(found.id, operator="otto", key="k-2")
    redriven, is_removed = await letters.redrive(again, route="/test")

    assert (redriven.operator, is_removed) == ("opal", True)
    assert await letters.read(QUEUE) == []
    assert len(await arrived(take)) == 1
    assert await take("ovation.delay.1s.wallet") == []


async def test_a_service_that_dies_before_it_removes_the_dead_letter_sends_nothing_twice(
    letters, set_aside, relay, take, monkeypatch
):
    async def die(_):
        raise ConnectionError("kill -9")

    await set_aside()
    relay()
    found, _ = await only(letters)
    with monkeypatch.context() as dying:
        dying.setattr(Taken, "remove", die)
        with pytest.raises(ConnectionError):
            await letters.redrive(wish(found.id), route="/test")
    assert len(await arrived(take)) == 1

    async def is_back():
        return await letters.read(QUEUE)

    await eventually(is_back)
    assert (await letters.redrive(wish(found.id), route="/test"))[1] is True
    assert await letters.read(QUEUE) == []
    assert await take(QUEUE) == []
    assert await take("ovation.delay.1s.wallet") == []


@pytest.mark.parametrize("point", ["taken", "commit", "confirmed", "removed"])
async def test_a_service_that_is_killed_at_any_step_loses_nothing_and_writes_one_message(
    letters, set_aside, relay, take, wallet_database, broker_of, point
):
    await set_aside()
    found, _ = await only(letters)
    broker = broker_of("wallet")
    environment = {
        **os.environ,
        "MORTAL_DATABASE": wallet_database.url,
        "MORTAL_BROKER": broker.url,
        "MORTAL_PASSWORD": broker.password,
    }
    command = (sys.executable, "-m", "tests.shared.messaging.redriver", point, str(found.id))
    mortal = await asyncio.create_subprocess_exec(*command, env=environment)
    assert await mortal.wait() == -signal.SIGKILL

    relay()
    is_there = point != "removed"

    async def is_back():
        return len(await letters.read(QUEUE)) == is_there

    await eventually(is_back)
    again = wish(found.id, operator="otto", key="k-2")
    redriven, is_removed = await letters.redrive(again, route="/test")

    assert is_removed
    assert redriven.operator == ("otto" if point == "taken" else "opal")
    assert await letters.read(QUEUE) == []
    # As each message it may be published twice, with one id, by which the inbox knows it.
    copies = await arrived(take) + await take("ovation.delay.1s.wallet")
    assert len({each.message_id for each in copies}) == 1


async def test_two_operators_at_once_send_one_message(letters, set_aside, relay, take):
    await set_aside()
    relay()
    found, _ = await only(letters)

    results = await asyncio.gather(
        *(
            letters.redrive(wish(found.id, operator=name, key=name), route="/test")
            for name in ("opal", "otto", "olga")
        )
    )

    assert len({redrive.operator for redrive, _ in results}) == 1
    assert all(is_removed for _, is_removed in results)
    assert len(await arrived(take)) == 1
    assert await take("ovation.delay.1s.wallet") == []


async def test_copies_of_a_dead_letter_are_one_and_leave_together(letters, set_aside, relay, take):
    await set_aside()
    await set_aside()
    relay()
    found, _ = await only(letters)

    await letters.redrive(wish(found.id), route="/test")

    assert await letters.read(QUEUE) == []
    assert len(await arrived(take)) == 1


async def test_messages_that_call_themselves_the_same_are_two(letters, set_aside, relay, take):
    await set_aside(b"one")
    await set_aside(b"other")
    (one, _), (other, _) = await letters.read(QUEUE)
    relay()

    await letters.redrive(wish(one.id), route="/test")
    await letters.redrive(wish(other.id, key="k-2"), route="/test")

    assert {each.body for each in await arrived(take, 2)} == {b"one", b"other"}


async def test_what_fails_again_is_another_dead_letter_that_says_how_often(
    letters, set_aside, relay
):
    await set_aside()
    relay()
    first, _ = await only(letters)
    await letters.redrive(wish(first.id), route="/test")
    await set_aside(ovation_redrive="1")

    second, redrive = await only(letters)

    assert second.id != first.id
    assert redrive is None
    assert (await letters.redrive(wish(second.id, key="k-2"), route="/test"))[1] is True


@pytest.mark.parametrize(
    "forged",
    [{"ovation_said_by": "live"}, {"ovation_error_code": "foreign-publisher"}],
    ids=["said by another", "refused because of its publisher"],
)
async def test_what_the_owner_never_said_stays_where_it_is(letters, set_aside, relay, forged, take):
    await set_aside(**forged)
    relay()
    found, _ = await only(letters)

    with pytest.raises(RedriveForbidden):
        await letters.redrive(wish(found.id), route="/test")

    assert (await only(letters))[0].id == found.id
    assert await take(QUEUE) == []


@pytest.mark.parametrize("operator", ["mira", "LEA"])
async def test_operators_redrive_nothing_that_is_about_themselves(letters, set_aside, operator):
    await set_aside()
    found, _ = await only(letters)

    with pytest.raises(OwnMoney):
        await letters.redrive(wish(found.id, operator=operator), route="/test")


async def test_a_key_is_for_one_dead_letter(letters, set_aside, relay):
    await set_aside(b"one")
    await set_aside(b"other")
    relay()
    (one, _), (other, _) = await letters.read(QUEUE)
    await letters.redrive(wish(one.id), route="/test")

    with pytest.raises(KeyReused):
        await letters.redrive(wish(other.id), route="/test")


async def test_what_its_owner_sends_again_and_fails_again_is_another_dead_letter(
    letters, set_aside, relay, take
):
    """An event that is republished has the bytes of the first time: it is not redriven yet."""
    await set_aside(ovation_set_aside_at="2026-11-30T01:00:00+00:00")
    relay()
    first, _ = await only(letters)
    await letters.redrive(wish(first.id), route="/test")
    await arrived(take)
    await set_aside(ovation_set_aside_at="2026-11-30T02:00:00+00:00")

    second, redrive = await only(letters)
    assert redrive is None
    again = wish(second.id, operator="otto", key="k-2")
    redriven, is_removed = await letters.redrive(again, route="/test")

    assert (redriven.operator, is_removed) == ("otto", True)
    assert len(await arrived(take)) == 1


async def test_what_the_broker_sets_aside_again_is_another_dead_letter(letters, set_aside):
    for hour in (1, 2):
        died = {"time": datetime(2026, 11, 30, hour, tzinfo=UTC), "queue": QUEUE, "count": 1}
        await set_aside(**{"x-death": [died]})

    assert len(await letters.read(QUEUE)) == 2


async def test_one_key_for_two_dead_letters_at_once_redrives_one(letters, set_aside, relay, take):
    await set_aside(b"one")
    await set_aside(b"other")
    relay()
    (one, _), (other, _) = await letters.read(QUEUE)

    results = await asyncio.gather(
        *(letters.redrive(wish(each.id), route="/test") for each in (one, other)),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in results) == ["KeyReused", "tuple"]
    assert len(await arrived(take)) == 1


async def test_a_forged_copy_neither_stops_a_redrive_nor_leaves_with_it(
    letters, set_aside, relay, take
):
    await set_aside(ovation_said_by="live")
    await set_aside()
    await set_aside(ovation_error_code="foreign-publisher")
    relay()
    (found, _) = await only(letters)

    await letters.redrive(wish(found.id), route="/test")

    assert len(await arrived(take)) == 1
    kept = await take(f"{QUEUE}.dlq")
    assert [each.headers["ovation_said_by"] for each in kept] == ["live", "gift"]


async def test_what_is_gone_or_never_was_is_said(letters, set_aside, take):
    await set_aside()
    found, _ = await only(letters)
    # At the terminal, meanwhile.
    await take(f"{QUEUE}.dlq")

    with pytest.raises(NoSuchDeadLetter):
        await letters.redrive(wish(found.id), route="/test")
    with pytest.raises(NoSuchQueue):
        await letters.read("gift.outcomes")


async def test_looks_at_a_queue_take_turns(letters, set_aside, monkeypatch):
    monkeypatch.setattr(dead_letters, "TURN_SECONDS_MAX", 0.2)
    await set_aside()

    async with letters.held(QUEUE):
        with pytest.raises(DeadLettersBusy):
            await letters.read(QUEUE)

    assert len(await letters.read(QUEUE)) == 1


async def test_what_crashes_a_service_again_and_again_is_listed_redriven_and_kept_too(
    letters, broker_of, relay, take, rabbit, vhost
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
        return await letters.read(QUEUE)

    await eventually(is_set_aside)
    relay()
    found, _ = await only(letters)
    assert found.delivery.headers["x-first-death-reason"] == "delivery_limit"

    assert (await letters.redrive(wish(found.id), route="/test"))[1] is True

    (again,) = await arrived(take)
    assert again.headers["ovation_said_by"] == event.owner()
    async with await aio_pika.connect(rabbit.url(vhost)) as connection:
        kept = [each async for each in read_log(connection, DEAD_LETTER_STREAM, start="first")]
    assert [(each.user_id, each.routing_key) for each in kept] == [(event.owner(), QUEUE)]


async def test_a_broker_that_is_away_is_said(wallet_database):
    away = Broker("amqp://wallet@127.0.0.1:9/nowhere", "x", "wallet")

    with pytest.raises(BrokerUnavailable):
        await DeadLetters(wallet_database, DeadLetterQueues(away)).read(QUEUE)


async def test_a_service_can_remove_its_dead_letters_and_not_what_they_prove(
    broker_of, set_aside, letters, rabbit, vhost
):
    await set_aside(ovation_error_code="foreign-publisher")
    async with await broker_of("wallet").connect("test") as connection:
        channel = await connection.channel()
        await (await channel.get_queue(f"{QUEUE}.dlq", ensure=False)).purge()
    assert await letters.read(QUEUE) == []

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
