"""A gift counts in a room only if its creator owned it, or was a guest in it, when it was sent."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.live.commands.streams import publish_open_rooms
from shared.postgres.statements import text
from tests.clients import an_operator_token, client_of
from tests.live.conftest import a_combo_ended, a_gift_sent, a_reversal, key

STREAM = "/v1/rooms/room-1/stream"
GUEST = "/v1/rooms/room-1/guests/otto"


@pytest.fixture
async def room(lea):
    """Lea's room, which is open."""
    return (await lea.put(STREAM, json={})).json()


async def test_a_gift_to_a_stranger_counts_for_nothing_in_the_room(
    room, receive, look, lea, as_creator, published, mira
):
    body = {"title": "A goal", "target_coins": 100, "room": "room-1"}
    await lea.post("/v1/creators/me/goals", json=body, headers=key())
    perk = {"kind": "custom", "title": "A wave", "threshold_coins": 1}
    mallory = await as_creator("mallory")
    await mallory.post("/v1/creators/me/perks", json=perk, headers=key())

    await receive(a_gift_sent(5_000, creator="mallory"))

    seen = await look()
    assert (seen["gifts"], seen["coins"], seen["top_gifters"]) == (0, 0, [])
    (goal,) = (await mira.get("/v1/rooms/room-1/goals")).json()["goals"]
    assert (goal["progress_coins"], goal["contributors"]) == (0, 0)
    assert await published("live.goal_reached") == []
    assert await published("live.level_reached") == []
    assert await published("live.first_gift") == []
    assert await published("live.perk_unlocked") == []


async def test_neither_a_strangers_combo_nor_what_is_reversed_of_it_is_shown(room, receive, look):
    before = (await look())["last_event_id"]
    gift = a_gift_sent(50, creator="mallory", combo=uuid4(), repeat_count=1, repeat_end=False)
    await receive(gift, a_combo_ended([gift]))
    await receive(a_reversal(gift, 1, 20))

    seen = await look()
    assert (seen["last_event_id"], seen["coins"]) == (before, 0)


async def test_a_stranger_cannot_thank_in_the_room(room, receive, as_creator):
    gift = a_gift_sent(50, creator="mallory")
    await receive(gift)
    mallory = await as_creator("mallory")

    answer = await mallory.post("/v1/rooms/room-1/thanks", json={"gift": str(gift.gift)})

    assert answer.json()["code"] == "no-such-gift"


async def test_a_guest_counts_from_joining_until_leaving_whenever_the_gift_is_received(
    room, receive, look, lea
):
    before = datetime.now(UTC)
    await lea.put(GUEST)
    while_there = datetime.now(UTC)
    await lea.delete(GUEST)
    after = datetime.now(UTC)

    await receive(a_gift_sent(1, creator="otto"), at=after)
    await receive(a_gift_sent(10, creator="otto"), at=while_there)
    await receive(a_gift_sent(100, creator="otto"), at=before)

    assert (await look())["coins"] == 10


async def test_who_owned_the_room_then_counts_also_after_another_owns_it(
    room, receive, look, app, lea, otto
):
    under_lea = datetime.now(UTC)
    async with client_of(app, an_operator_token("rooms:write")) as ops:
        await ops.put("/v1/operator/live/rooms/room-1/owner", json={"creator": "otto"})
    under_otto = datetime.now(UTC)

    for at, coins in ((under_otto, 1), (under_lea, 2)):
        await receive(a_gift_sent(coins), a_gift_sent(10 * coins, creator="otto"), at=at)

    assert (await look())["coins"] == 2 + 10


async def test_a_room_that_nobody_owned_then_is_everybodys(receive, look, lea):
    before = datetime.now(UTC) - timedelta(seconds=5)
    await lea.put(STREAM, json={})

    await receive(a_gift_sent(7, creator="mallory"), at=before)

    assert (await look())["coins"] == 7


@pytest.mark.parametrize("target", ["room", "token"])
async def test_what_gift_checked_counts_whatever_the_clocks_say(room, receive, look, lea, target):
    await lea.put(GUEST)
    await lea.delete(GUEST)

    await receive(a_gift_sent(10, creator="otto", target=target))

    assert (await look())["coins"] == 10


async def test_where_anybody_may_receive_a_strangers_gift_still_wins_no_ranking(
    room, receive, look
):
    await receive(a_gift_sent(10, creator="mallory", target="anybody"), a_gift_sent(3))

    assert (await look())["coins"] == 3


async def test_an_income_goal_does_not_count_what_a_stranger_was_given_in_a_room(
    room, receive, as_creator
):
    await receive(a_gift_sent(50, creator="mallory"), a_gift_sent(5, creator="mallory", room=None))
    mallory = await as_creator("mallory")
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    body = {"title": "A boat", "target_coins": 100, "starts_at": since}

    goal = await mallory.post("/v1/creators/me/goals", json=body, headers=key())

    assert goal.json()["progress_coins"] == 5


async def test_after_a_rebuild_a_strangers_gift_still_counts_for_nothing(
    room, receive, look, rebuild
):
    published = [a_gift_sent(50, creator="mallory"), a_gift_sent(5)]
    await receive(*published)

    await rebuild.begin()
    await receive(*published)
    await rebuild.end_filling()
    await rebuild.publish()

    assert (await look())["coins"] == 5


async def test_each_event_of_a_room_has_its_whole_state_under_a_rising_revision(lea, published):
    await lea.put(STREAM, json={})
    await lea.put(GUEST)
    await lea.delete(GUEST)
    await lea.delete(STREAM)

    (opened,) = await published("live.room_opened")
    (joined,) = await published("live.guest_joined")
    (left,) = await published("live.guest_left")
    (closed,) = await published("live.room_closed")
    events = [opened, joined, left, closed]
    assert [event["revision"] for event in events] == [1, 2, 3, 4]
    assert [event["guests"] for event in events] == [[], ["otto"], [], []]
    assert {event["stream"] for event in events} == {opened["stream"]}
    assert {event["creator"] for event in events} == {"lea"}


async def test_an_open_room_of_an_older_version_is_published_again_once(room, database, published):
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE room_owners SET revision = 0"))
        await tx.execute(text("DELETE FROM outbox"))
    for _ in range(2):
        async with database.transaction() as tx:
            assert await publish_open_rooms(tx) is False

    (opened,) = await published("live.room_opened")
    assert (opened["stream"], opened["revision"]) == (room["stream"], 1)
