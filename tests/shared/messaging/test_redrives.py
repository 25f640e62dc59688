"""An operator redrives a dead letter by the API of its service: once, and nothing is lost."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime

import pytest

from shared.backoffice import dead_letters
from shared.backoffice.dead_letters import (
    RedriveForbidden,
)
from shared.idempotency import KeyReused
from shared.identity.people import OwnMoney
from shared.messaging.dead_letters import Taken
from shared.postgres.statements import text
from tests.shared.messaging.dead_letters import BODY, QUEUE, SENT, SET_ASIDE, arrived, only, wish
from tests.shared.messaging.waiting import eventually


async def test_a_dead_letter_goes_to_its_queue_again_and_leaves_its_own(
    wallet_dead_letters, set_aside, relay, take, wallet_database
):
    await set_aside()
    relay()
    found, redrive = await only(wallet_dead_letters)
    assert redrive is None

    redriven, is_removed = await wallet_dead_letters.redrive(wish(found.id), route="/test")

    (message,) = await arrived(take)
    assert (is_removed, redriven.operator, redriven.message) == (True, "opal", "m-1")
    assert await wallet_dead_letters.read(QUEUE) == []
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
    wallet_dead_letters, set_aside, relay, take, monkeypatch
):
    monkeypatch.setattr(dead_letters, "CONFIRM_SECONDS_MAX", 0.1)
    await set_aside()
    found, _ = await only(wallet_dead_letters)

    # Nothing is published: the relay does not run.
    assert (await wallet_dead_letters.redrive(wish(found.id), route="/test"))[1] is False
    _, redrive = await only(wallet_dead_letters)
    assert redrive.operator == "opal"

    monkeypatch.setattr(dead_letters, "CONFIRM_SECONDS_MAX", 60)
    relay()
    again = wish(found.id, operator="otto", key="k-2")
    redriven, is_removed = await wallet_dead_letters.redrive(again, route="/test")

    assert (redriven.operator, is_removed) == ("opal", True)
    assert await wallet_dead_letters.read(QUEUE) == []
    assert len(await arrived(take)) == 1
    assert await take("ovation.delay.1s.wallet") == []


async def test_a_service_that_dies_before_it_removes_the_dead_letter_sends_nothing_twice(
    wallet_dead_letters, set_aside, relay, take, monkeypatch
):
    async def die(_):
        raise ConnectionError("kill -9")

    await set_aside()
    relay()
    found, _ = await only(wallet_dead_letters)
    with monkeypatch.context() as dying:
        dying.setattr(Taken, "remove", die)
        with pytest.raises(ConnectionError):
            await wallet_dead_letters.redrive(wish(found.id), route="/test")
    assert len(await arrived(take)) == 1

    async def is_back():
        return await wallet_dead_letters.read(QUEUE)

    await eventually(is_back)
    assert (await wallet_dead_letters.redrive(wish(found.id), route="/test"))[1] is True
    assert await wallet_dead_letters.read(QUEUE) == []
    assert await take(QUEUE) == []
    assert await take("ovation.delay.1s.wallet") == []


@pytest.mark.parametrize("point", ["taken", "commit", "confirmed", "removed"])
async def test_a_service_that_is_killed_at_any_step_loses_nothing_and_writes_one_message(
    wallet_dead_letters, set_aside, relay, take, wallet_database, broker_of, point
):
    await set_aside()
    found, _ = await only(wallet_dead_letters)
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
        return len(await wallet_dead_letters.read(QUEUE)) == is_there

    await eventually(is_back)
    again = wish(found.id, operator="otto", key="k-2")
    redriven, is_removed = await wallet_dead_letters.redrive(again, route="/test")

    assert is_removed
    assert redriven.operator == ("otto" if point == "taken" else "opal")
    assert await wallet_dead_letters.read(QUEUE) == []
    # As each message it may be published twice, with one id, by which the inbox knows it.
    copies = await arrived(take) + await take("ovation.delay.1s.wallet")
    assert len({each.message_id for each in copies}) == 1


async def test_two_operators_at_once_send_one_message(wallet_dead_letters, set_aside, relay, take):
    await set_aside()
    relay()
    found, _ = await only(wallet_dead_letters)

    results = await asyncio.gather(
        *(
            wallet_dead_letters.redrive(wish(found.id, operator=name, key=name), route="/test")
            for name in ("opal", "otto", "olga")
        )
    )

    assert len({redrive.operator for redrive, _ in results}) == 1
    assert all(is_removed for _, is_removed in results)
    assert len(await arrived(take)) == 1
    assert await take("ovation.delay.1s.wallet") == []


async def test_copies_of_a_dead_letter_are_one_and_leave_together(
    wallet_dead_letters, set_aside, relay, take
):
    await set_aside()
    await set_aside()
    relay()
    found, _ = await only(wallet_dead_letters)

    await wallet_dead_letters.redrive(wish(found.id), route="/test")

    assert await wallet_dead_letters.read(QUEUE) == []
    assert len(await arrived(take)) == 1


async def test_messages_that_call_themselves_the_same_are_two(
    wallet_dead_letters, set_aside, relay, take
):
    await set_aside(b"one")
    await set_aside(b"other")
    (one, _), (other, _) = await wallet_dead_letters.read(QUEUE)
    relay()

    await wallet_dead_letters.redrive(wish(one.id), route="/test")
    await wallet_dead_letters.redrive(wish(other.id, key="k-2"), route="/test")

    assert {each.body for each in await arrived(take, 2)} == {b"one", b"other"}


async def test_what_fails_again_is_another_dead_letter_that_says_how_often(
    wallet_dead_letters, set_aside, relay
):
    await set_aside()
    relay()
    first, _ = await only(wallet_dead_letters)
    await wallet_dead_letters.redrive(wish(first.id), route="/test")
    await set_aside(ovation_redrive="1")

    second, redrive = await only(wallet_dead_letters)

    assert second.id != first.id
    assert redrive is None
    assert (await wallet_dead_letters.redrive(wish(second.id, key="k-2"), route="/test"))[1] is True


@pytest.mark.parametrize(
    "forged",
    [{"ovation_said_by": "live"}, {"ovation_error_code": "foreign-publisher"}],
    ids=["said by another", "refused because of its publisher"],
)
async def test_what_the_owner_never_said_stays_where_it_is(
    wallet_dead_letters, set_aside, relay, forged, take
):
    await set_aside(**forged)
    relay()
    found, _ = await only(wallet_dead_letters)

    with pytest.raises(RedriveForbidden):
        await wallet_dead_letters.redrive(wish(found.id), route="/test")

    assert (await only(wallet_dead_letters))[0].id == found.id
    assert await take(QUEUE) == []


@pytest.mark.parametrize("operator", ["mira", "LEA"])
async def test_operators_redrive_nothing_that_is_about_themselves(
    wallet_dead_letters, set_aside, operator
):
    await set_aside()
    found, _ = await only(wallet_dead_letters)

    with pytest.raises(OwnMoney):
        await wallet_dead_letters.redrive(wish(found.id, operator=operator), route="/test")


async def test_a_key_is_for_one_dead_letter(wallet_dead_letters, set_aside, relay):
    await set_aside(b"one")
    await set_aside(b"other")
    relay()
    (one, _), (other, _) = await wallet_dead_letters.read(QUEUE)
    await wallet_dead_letters.redrive(wish(one.id), route="/test")

    with pytest.raises(KeyReused):
        await wallet_dead_letters.redrive(wish(other.id), route="/test")


async def test_what_its_owner_sends_again_and_fails_again_is_another_dead_letter(
    wallet_dead_letters, set_aside, relay, take
):
    """An event that is republished has the bytes of the first time: it is not redriven yet."""
    await set_aside(ovation_set_aside_at="2026-11-30T01:00:00+00:00")
    relay()
    first, _ = await only(wallet_dead_letters)
    await wallet_dead_letters.redrive(wish(first.id), route="/test")
    await arrived(take)
    await set_aside(ovation_set_aside_at="2026-11-30T02:00:00+00:00")

    second, redrive = await only(wallet_dead_letters)
    assert redrive is None
    again = wish(second.id, operator="otto", key="k-2")
    redriven, is_removed = await wallet_dead_letters.redrive(again, route="/test")

    assert (redriven.operator, is_removed) == ("otto", True)
    assert len(await arrived(take)) == 1


async def test_what_the_broker_sets_aside_again_is_another_dead_letter(
    wallet_dead_letters, set_aside
):
    for hour in (1, 2):
        died = {"time": datetime(2026, 11, 30, hour, tzinfo=UTC), "queue": QUEUE, "count": 1}
        await set_aside(**{"x-death": [died]})

    assert len(await wallet_dead_letters.read(QUEUE)) == 2


async def test_one_key_for_two_dead_letters_at_once_redrives_one(
    wallet_dead_letters, set_aside, relay, take
):
    await set_aside(b"one")
    await set_aside(b"other")
    relay()
    (one, _), (other, _) = await wallet_dead_letters.read(QUEUE)

    results = await asyncio.gather(
        *(wallet_dead_letters.redrive(wish(each.id), route="/test") for each in (one, other)),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in results) == ["KeyReused", "tuple"]
    assert len(await arrived(take)) == 1


async def test_a_forged_copy_neither_stops_a_redrive_nor_leaves_with_it(
    wallet_dead_letters, set_aside, relay, take
):
    await set_aside(ovation_said_by="live")
    await set_aside()
    await set_aside(ovation_error_code="foreign-publisher")
    relay()
    (found, _) = await only(wallet_dead_letters)

    await wallet_dead_letters.redrive(wish(found.id), route="/test")

    assert len(await arrived(take)) == 1
    kept = await take(f"{QUEUE}.dlq")
    assert [each.headers["ovation_said_by"] for each in kept] == ["live", "gift"]
