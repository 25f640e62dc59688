"""What a creator decides about a message is what the room shows of it, in every order."""

import json
from itertools import permutations

import pytest

from services.live.api.feed_formats import FeedFormat
from services.live.store import feed
from shared.contracts.gift import MessageRemoved, MessageShown
from shared.postgres.statements import text
from tests.live.conftest import a_gift_sent


def about(gift, revision):
    return {
        "gift": gift.gift,
        "revision": revision,
        "viewer": gift.viewer,
        "creator": gift.creator,
        "room": gift.room,
    }


def shown(gift, message, revision=1):
    return MessageShown(**about(gift, revision), message=message)


def removed(gift, revision=1):
    return MessageRemoved(**about(gift, revision))


@pytest.fixture
def entries(database):
    """What a room's feed has, as (kind, what it shows)."""

    async def read(room="room-1"):
        async with database.transaction() as tx:
            found = await feed.read_entries(tx, [(room, 0)], limit=100)
        return [(one.entry.kind, json.loads(one.entry.shown)) for one in found]

    return read


def messages_of(entries):
    return {shown["message"] for _, shown in entries if "message" in shown}


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_message_ends_as_its_newest_decision_says_in_every_order(receive, entries, order):
    gift = a_gift_sent(10)
    facts = [gift, shown(gift, "For the encore!"), removed(gift, 2)]

    for place in order:
        await receive(facts[place])
        await receive(facts[place])

    seen = await entries()
    assert [kind for kind, _ in seen if kind == "gift"] == ["gift"]
    assert messages_of(seen) == {None}


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_a_message_that_is_approved_is_shown_with_its_gift(receive, entries, order):
    gift = a_gift_sent(10)
    facts = [gift, shown(gift, "For the encore!")]

    for place in order:
        await receive(facts[place])

    assert messages_of(await entries()) == {"For the encore!"}


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_a_message_that_is_removed_is_nowhere_any_more(receive, entries, database, order):
    gift = a_gift_sent(10, message="Something rude")
    facts = [gift, removed(gift)]

    for place in order:
        await receive(facts[place])

    assert messages_of(await entries()) == {None}
    async with database.transaction() as tx:
        kept = await tx.execute(text("SELECT message FROM messages"))
        assert [row.message for row in kept] == [None]


async def test_facts_of_one_batch_come_to_the_same(receive, entries):
    gift = a_gift_sent(10, message="Something rude")

    await receive(removed(gift, 2), gift, shown(gift, "Something rude", 1))

    assert messages_of(await entries()) == {None}


async def test_a_removal_is_shown_to_those_who_watch(receive, entries):
    gift = a_gift_sent(10, message="Something rude", anonymous=True)
    await receive(gift)
    await receive(MessageRemoved(**about(gift, 1), anonymous=True))

    kind, shown = (await entries())[-1]

    assert (kind, shown["state"], shown["gift"]) == ("message", "removed", str(gift.gift))
    assert shown["viewer"] is None


async def test_a_message_of_a_gift_outside_of_rooms_is_kept_and_shown_nowhere(receive, entries):
    gift = a_gift_sent(10, room=None)

    await receive(gift, shown(gift, "Hello"))

    assert await entries() == []


def test_a_message_has_an_event_of_its_own():
    entry = feed.Entry("room-1", 1, "message", a_gift_sent(1).gift, "{}")

    (event,) = FeedFormat().write([entry])
    assert event.written.startswith(b"event: message")
