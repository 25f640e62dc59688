"""What arrives is applied once; what cannot be is set aside with its reason, and life goes on."""

import asyncio
import json
from datetime import datetime

import asyncpg
import pytest

from shared.amqp import receive
from shared.errors import Kind, Refusal
from shared.messaging import relay as relays
from shared.messaging.relay import Relay
from shared.postgres.statements import text
from tests.shared.messaging.conftest import a_fact, body_of, eventually


class NeverRight(Refusal):
    """This message breaks a rule for good."""

    kind = Kind.CONFLICT


async def test_what_the_relay_sends_is_heard_once_and_in_order_per_key(relay, say, consume, heard):
    consume()
    relay()
    viewers = [f"viewer-{number}" for number in range(10)]
    for sequence in range(1, 51):
        await say(*(a_fact(sequence, viewer=viewer) for viewer in viewers))

    async def all_heard():
        return len(heard) == 500

    await eventually(all_heard)
    for viewer in viewers:
        order = [int(envelope.sequence) for envelope in heard if envelope.subject == viewer]
        assert order == list(range(1, 51))


async def test_a_repeated_message_is_handled_once(publish, consume, heard):
    fact, last = a_fact(), a_fact()
    for _ in range(5):
        await publish(body_of(fact))
    consume()
    for _ in range(5):
        await publish(body_of(fact))
    await publish(body_of(last))

    async def the_last_is_heard():
        return last.event.id in {envelope.id for envelope in heard}

    await eventually(the_last_is_heard)
    assert len(heard) == 2


@pytest.mark.parametrize(
    ("code", "body", "options"),
    [
        ("invalid-envelope", b"not json", {}),
        ("invalid-envelope", b'{"specversion": "1.0"}', {}),
        ("invalid-envelope", b"\xff\xfe\x00", {}),
        ("unknown-type", b"{}", {"kind": "dev.ovation.wallet.levitated.v1"}),
        ("unknown-version", b"{}", {"kind": "dev.ovation.wallet.gift_refused.v2"}),
        ("unknown-type", b"{}", {"kind": "nul\x00"}),
        ("foreign-publisher", b"{}", {"user": False}),
    ],
)
async def test_a_message_that_can_never_be_read_is_set_aside_and_the_next_is_heard(
    publish, consume, heard, dead_letters, code, body, options
):
    consume()
    await publish(body, **options)
    good = a_fact()
    await publish(body_of(good))

    dead_letters = await dead_letters(1)

    assert dead_letters[code].body == body
    assert dead_letters[code].headers["ovation_publisher"] in ("ovationctl", "")

    async def the_good_one_is_heard():
        return [envelope.id for envelope in heard] == [good.event.id]

    await eventually(the_good_one_is_heard)


async def test_a_message_without_an_attribute_says_which(publish, consume, dead_letters):
    consume()
    await publish(body_of(a_fact()).replace(b'"sequence"', b'"sequins"'))

    dead_letters = await dead_letters(1)

    assert (
        "sequence: Field required"
        in dead_letters["invalid-envelope"].headers["ovation_error_message"]
    )


async def test_a_broken_rule_is_parked_at_once_and_its_neighbours_are_handled(
    publish, consume, heard, dead_letters
):
    def refuse_nobody(envelope):
        if envelope.data.viewer == "nobody":
            raise NeverRight

    bad = a_fact(viewer="nobody")
    facts = [a_fact(), bad, a_fact()]
    for fact in facts:
        await publish(body_of(fact))
    consume(but=refuse_nobody)

    dead_letters = await dead_letters(1)

    assert b"nobody" in dead_letters["never-right"].body

    async def neighbours_heard():
        return {envelope.id for envelope in heard} == {facts[0].event.id, facts[2].event.id}

    await eventually(neighbours_heard)


@pytest.mark.parametrize(
    ("attribute", "wrong"),
    [
        ("partitionkey", "somebody-else"),
        ("subject", "somebody-else"),
        ("id", "00000000-0000-0000-0000-000000000001"),
    ],
)
async def test_a_message_whose_attributes_are_not_those_of_its_data_is_parked(
    publish, consume, heard, dead_letters, attribute, wrong
):
    consume()
    await publish(json.dumps({**json.loads(body_of(a_fact())), attribute: wrong}).encode())

    dead_letters = await dead_letters(1)

    assert set(dead_letters) == {"attributes-differ"}
    assert heard == []


async def test_an_unforeseen_failure_comes_back_after_a_delay_before_it_is_parked(
    publish, consume, heard, dead_letters, gift_database, broker_of, running
):
    tries = []

    def fail_thrice_for_one_and_always_for_another(envelope):
        tries.append(envelope.data.viewer)
        # Twice at each delivery: in its batch, then alone.
        if envelope.data.viewer == "passing" and tries.count("passing") < 4:
            raise KeyError("passing trouble")
        if envelope.data.viewer == "lasting":
            raise ZeroDivisionError("lasting trouble")

    running(Relay(gift_database, broker_of("gift")))
    lasting = a_fact(viewer="lasting")
    await publish(body_of(a_fact(viewer="passing")))
    await publish(body_of(lasting), message_id=str(lasting.event.id))
    consume(but=fail_thrice_for_one_and_always_for_another, delays=("1s", "1s"))

    dead_letter = (await dead_letters(1))["ZeroDivisionError"]

    assert dead_letter.headers["ovation_error_message"] == "lasting trouble"
    assert dead_letter.headers["ovation_attempts"] == "3"
    assert dead_letter.headers["ovation_message_id"] == str(lasting.event.id)
    assert len(dead_letter.headers["ovation_error_stack"]) == 12
    assert datetime.fromisoformat(dead_letter.headers["ovation_set_aside_at"]).tzinfo
    assert [envelope.data.viewer for envelope in heard] == ["passing"]


async def test_what_waits_for_its_next_try_holds_up_nobody(
    publish, consume, heard, gift_database, broker_of, running
):
    """The neighbours are handled at once, and the inbox forgets nothing it did not handle."""

    def fail_for_one(envelope):
        if envelope.data.viewer == "lasting":
            raise ZeroDivisionError

    running(Relay(gift_database, broker_of("gift")))
    consume(but=fail_for_one, delays=("5m",))
    for number in range(20):
        await publish(body_of(a_fact(viewer="lasting" if number % 2 else "fine")))

    async def all_others_heard():
        return len(heard) == 10

    await eventually(all_others_heard)


@pytest.mark.parametrize(
    "trouble",
    [
        # What asyncpg raises when the server dies inside an exchange.
        asyncpg.InternalClientError("another operation is in progress"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.LockNotAvailableError("lock timeout"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_message_that_only_has_to_wait_is_never_parked(
    publish, consume, heard, trouble, monkeypatch
):
    monkeypatch.setattr(receive, "TRY_AGAIN_SECONDS", 0.01)
    tries = []

    def fail_for_long(_):
        tries.append(1)
        if len(tries) < 25:
            raise trouble

    await publish(body_of(a_fact()))
    consume(but=fail_for_long)

    async def heard_at_last():
        return len(heard) == 1

    await eventually(heard_at_last)
    assert len(tries) == 25


async def test_a_parked_message_can_be_redriven(publish, consume, heard, dead_letters, as_operator):
    """Its inbox row was never written, so what failed is not remembered as done."""
    mended = asyncio.Event()

    def fail_until_mended(_):
        if not mended.is_set():
            raise NeverRight

    fact = a_fact()
    await publish(body_of(fact))
    consume(but=fail_until_mended)
    dead_letter = (await dead_letters(1))["never-right"]
    mended.set()

    await publish(dead_letter.body, kind=dead_letter.headers["cloudEvents_type"])

    async def heard_at_last():
        return [envelope.id for envelope in heard] == [fact.event.id]

    await eventually(heard_at_last)


async def test_a_redriven_message_that_fails_again_is_parked_again(
    publish, consume, dead_letters, monkeypatch
):
    """At once, too: while the row of its first dead letter is published and not deleted yet."""
    monkeypatch.setattr(relays, "DELETE_SECONDS", 1_000)

    def refuse(_):
        raise NeverRight

    consume(but=refuse)
    # The row of the first is deleted at once, and then none for long.
    for _ in range(2):
        await publish(body_of(a_fact()))
        first = (await dead_letters(1))["never-right"]

    kept = {"ovation_message_id": first.headers["ovation_message_id"]}
    await publish(first.body, headers={**kept, "ovation_redrive": "1"})
    again = (await dead_letters(1))["never-right"]

    assert again.headers["ovation_message_id"] == first.headers["ovation_message_id"]
    assert again.message_id != first.message_id


async def test_a_message_whose_work_fails_leaves_no_trace_in_the_inbox(
    publish, consume, gift_database, dead_letters
):
    def refuse(_):
        raise NeverRight

    await publish(body_of(a_fact()))
    consume(but=refuse)
    await dead_letters(1)

    async with gift_database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM inbox"))).scalar_one() == 0
