"""Goals: nearer with every gift, reached once a revision, and further again without the money."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.gift import GiftRestored
from shared.postgres.statements import text
from tests.clients import is_replayed
from tests.live.conftest import a_gift_sent, a_reversal, key

GOALS = "/v1/creators/me/goals"


@pytest.fixture
async def set_goal(lea):
    await lea.put("/v1/rooms/room-1/stream", json={})

    async def ask(coins=100, **about):
        body = {"title": "A new microphone", "target_coins": coins, **about}
        answer = await lea.post(GOALS, json=body, headers=key())
        assert answer.status_code == 201, answer.text
        return answer.json()

    return ask


async def test_a_live_goal_counts_its_room_from_now_on(set_goal, receive, lea, mira, published):
    await receive(a_gift_sent(500))
    await lea.put("/v1/rooms/room-1/guests/otto")
    goal = await set_goal(100, room="room-1")
    await receive(
        a_gift_sent(60),
        a_gift_sent(30, anonymous=True),
        a_gift_sent(20, viewer="jonas", creator="otto"),
        a_gift_sent(1_000, viewer="jonas", creator="mallory"),
        a_gift_sent(1_000, room="room-2"),
    )

    (seen,) = (await mira.get("/v1/rooms/room-1/goals")).json()["goals"]

    assert (goal["progress_coins"], seen["progress_coins"]) == (0, 110)
    assert (seen["contributors"], seen["reached"]) == (2, True)
    (reached,) = await published("live.goal_reached")
    assert (reached["goal"], reached["revision"]) == (goal["goal"], 1)
    assert (reached["progress_coins"], reached["contributors"]) == (110, 2)


async def test_an_income_goal_counts_everywhere_within_its_time_the_past_as_well(
    set_goal, receive, lea, mira, published
):
    now = datetime.now(UTC)
    taken = a_gift_sent(40, room="room-2")
    await receive(taken, a_gift_sent(30, room=None, viewer="jonas"), at=now - timedelta(days=3))
    await receive(a_reversal(taken, 1, 15))
    await receive(a_gift_sent(500), at=now - timedelta(days=40))
    ends = now + timedelta(days=1)

    goal = await set_goal(
        55, starts_at=(now - timedelta(days=30)).isoformat(), ends_at=ends.isoformat()
    )
    await receive(a_gift_sent(7), a_gift_sent(1_000, creator="otto"))
    await receive(a_gift_sent(1_000), at=ends)

    (seen,) = (await lea.get(GOALS)).json()["goals"]
    assert (goal["progress_coins"], goal["contributors"], goal["reached"]) == (55, 2, True)
    assert (seen["progress_coins"], seen["contributors"]) == (62, 2)
    assert len(await published("live.goal_reached")) == 1
    # Hers alone: the room does not show it to others.
    assert len((await lea.get("/v1/rooms/room-1/goals")).json()["goals"]) == 1
    assert (await mira.get("/v1/rooms/room-1/goals")).json()["goals"] == []


@pytest.mark.parametrize("past", [False, True])
async def test_who_gives_anonymously_brings_a_goal_nearer_and_is_no_contributor(
    set_goal, receive, lea, database, past
):
    openly, hidden = a_gift_sent(40), a_gift_sent(30, anonymous=True)
    other = a_gift_sent(20, anonymous=True, viewer="jonas")
    begins = datetime.now(UTC) - timedelta(days=1)
    if past:
        await receive(openly, hidden, other)
    await set_goal(1_000, starts_at=begins.isoformat())
    if not past:
        await receive(openly, hidden, other)
    await receive(a_reversal(hidden, 1, 10))

    (seen,) = (await lea.get(GOALS)).json()["goals"]
    assert (seen["progress_coins"], seen["contributors"]) == (80, 1)
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT viewer, coins FROM goal_gifters"))
    assert [(row.viewer, row.coins) for row in rows] == [("mira", 40)]


async def test_a_goal_looks_back_only_so_far(lea):
    body = {"title": "All there ever was", "target_coins": 5}
    begins = datetime.now(UTC) - timedelta(days=90, minutes=1)
    refused = await lea.post(GOALS, json={**body, "starts_at": begins.isoformat()}, headers=key())

    assert (refused.status_code, refused.json()["code"]) == (422, "begins-too-long-ago")


async def test_a_goal_falls_with_the_money_and_can_be_reached_again(
    set_goal, receive, lea, published
):
    await set_goal(50, room="room-1")
    gift = a_gift_sent(50)
    await receive(gift)
    await receive(a_reversal(gift, 1, 50))
    (lowered,) = (await lea.get(GOALS)).json()["goals"]
    await receive(a_reversal(gift, 2, 0, contract=GiftRestored))
    (restored,) = (await lea.get(GOALS)).json()["goals"]

    assert (lowered["progress_coins"], lowered["contributors"]) == (0, 0)
    assert lowered["reached"] is False
    assert (restored["progress_coins"], restored["contributors"]) == (50, 1)
    assert [fact["revision"] for fact in await published("live.goal_reached")] == [1, 2]


async def test_a_changed_goal_keeps_what_was_given_and_may_be_reached_by_it(
    set_goal, receive, lea, otto, published
):
    goal = await set_goal(100, room="room-1")
    await receive(a_gift_sent(60))
    address = f"{GOALS}/{goal['goal']}"

    body = {"title": "A smaller one", "target_coins": 60}
    changed = (await lea.put(address, json=body)).json()

    assert (changed["title"], changed["progress_coins"]) == ("A smaller one", 60)
    assert changed["reached"] is True
    assert len(await published("live.goal_reached")) == 1
    assert (await otto.put(address, json=body)).json()["code"] == "no-such-goal"
    assert (await otto.delete(address)).status_code == 404
    assert (await lea.delete(address)).status_code == 204
    await receive(a_gift_sent(60))
    assert (await lea.get(GOALS)).json()["goals"] == []


async def test_no_two_pairs_of_creator_and_key_are_one_goal(as_creator):
    """Host applications do have users like `auth0|7`."""
    body = {"title": "A new microphone", "target_coins": 5}
    one, other = await as_creator("auth0|7"), await as_creator("auth0")

    first = await one.post(GOALS, json=body, headers={"Idempotency-Key": "1"})
    second = await other.post(GOALS, json=body, headers={"Idempotency-Key": "7|1"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["goal"] != second.json()["goal"]


async def test_a_goal_is_found_again_by_its_key_and_not_set_again_once_it_is_removed(lea):
    body, same = {"title": "A new microphone", "target_coins": 5}, {"Idempotency-Key": "k"}
    first = await lea.post(GOALS, json=body, headers=same)

    again = await lea.post(GOALS, json=body, headers=same)
    assert (again.status_code, again.json()) == (201, first.json())
    assert [is_replayed(first), is_replayed(again)] == [False, True]

    await lea.delete(f"{GOALS}/{first.json()['goal']}")
    assert (await lea.post(GOALS, json=body, headers=same)).json()["code"] == "no-such-goal"


async def test_goals_are_set_by_owners_under_a_key_and_there_are_only_so_many(
    set_goal, lea, otto, mira
):
    body = {"title": "A new microphone", "target_coins": 5, "room": "room-1"}
    same = key()

    first = await lea.post(GOALS, json=body, headers=same)
    again = await lea.post(GOALS, json=body, headers=same)

    assert first.json() == again.json()
    assert (await otto.post(GOALS, json=body, headers=key())).status_code == 403
    assert (await mira.post(GOALS, json=body, headers=key())).status_code == 403
    nowhere = {**body, "room": "nowhere"}
    assert (await lea.post(GOALS, json=nowhere, headers=key())).status_code == 404
    ended = {**body, "ends_at": "2020-01-01T00:00:00Z"}
    assert (await lea.post(GOALS, json=ended, headers=key())).json()["code"] == (
        "ends-before-it-begins"
    )
    for _ in range(19):
        await set_goal(room="room-1")
    refused = await lea.post(GOALS, json=body, headers=key())
    assert refused.json()["code"] == "too-many-goals"
