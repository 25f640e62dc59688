"""What a creator makes permanent has a number it stops at, also for two requests at once."""

import pytest

from services.live.domain.quotas import (
    ENTITLEMENT_USES,
    GOAL_CHANGES,
    GOALS,
    GUESTS,
    PERK_CHANGES,
    PERKS,
    ROOM_CLAIMS,
    STREAMS,
    RoomLimits,
)
from services.live.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.live.conftest import a_gift_sent, key
from tests.quotas import at_once, end_times, is_too_often, leave

OPEN_ROOMS_MAX, ROOMS_MAX = RoomLimits().open_max, RoomLimits().owned_max
PERK = {"kind": "custom", "title": "Badge", "threshold_coins": 10}
GOAL = {"title": "A piano", "target_coins": 100}


def go_live(creator, room):
    return creator.put(f"/v1/rooms/{room}/stream", json={})


async def count(database, table):
    async with database.transaction() as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_a_creator_is_live_in_so_many_rooms_at_a_time(lea, otto, mira):
    answers = await at_once(*(go_live(lea, f"room-{n}") for n in range(OPEN_ROOMS_MAX + 3)))

    assert answers == [(200, None)] * OPEN_ROOMS_MAX + [(409, "too-many-open-rooms")] * 3
    live = (await mira.get("/v1/rooms?limit=50")).json()["items"]
    assert len(live) == OPEN_ROOMS_MAX
    # Who is live already changes the title there; another creator goes live; one ends, one begins.
    assert (await go_live(lea, live[0]["room"])).status_code == 200
    assert (await go_live(otto, "another")).status_code == 200
    await lea.delete(f"/v1/rooms/{live[0]['room']}/stream")
    assert (await go_live(lea, "one-more")).status_code == 200


async def test_a_room_that_is_refused_stays_nobodys(lea, otto):
    for number in range(OPEN_ROOMS_MAX):
        await go_live(lea, f"room-{number}")
    assert (await go_live(lea, "wanted")).status_code == 409

    assert (await go_live(otto, "wanted")).json()["creator"] == "otto"


async def test_a_creator_takes_so_many_names_a_day(lea, database):
    await go_live(lea, "own")
    await leave(database, "lea", ROOM_CLAIMS, 1)

    answers = await at_once(go_live(lea, "one"), go_live(lea, "two"))

    assert answers == [(200, None), (429, "too-often")]
    assert is_too_often(await go_live(lea, "three"), ROOM_CLAIMS)
    # A room of one's own is no new name.
    await lea.delete("/v1/rooms/own/stream")
    assert (await go_live(lea, "own")).status_code == 200
    await end_times(database)
    assert (await go_live(lea, "three")).status_code == 200


async def test_a_creator_owns_so_many_rooms_in_all(lea, database):
    async with database.transaction() as tx:
        statement = """
            INSERT INTO room_owners (room, creator) SELECT 'old-' || n, 'lea'
            FROM generate_series(1, :owned) AS n
        """
        await tx.execute(text(statement), {"owned": ROOMS_MAX - 1})

    answers = await at_once(go_live(lea, "one"), go_live(lea, "two"))

    assert answers == [(200, None), (409, "too-many-rooms")]
    assert (await go_live(lea, "old-7")).status_code == 200


async def test_the_numbers_of_rooms_are_the_operators(database, hub):
    app = build_http(database, a_verifier(), hub, limits=RoomLimits(open_max=1, owned_max=2))
    async with client_of(app, a_token("lea", roles=["creator"])) as lea:
        assert (await go_live(lea, "one")).status_code == 200
        assert (await go_live(lea, "two")).json()["rooms_max"] == 1
        await lea.delete("/v1/rooms/one/stream")
        assert (await go_live(lea, "two")).status_code == 200
        await lea.delete("/v1/rooms/two/stream")
        assert (await go_live(lea, "three")).json()["code"] == "too-many-rooms"


async def test_a_creator_opens_so_many_streams_a_day(lea, database, published):
    await go_live(lea, "room-1")
    await lea.delete("/v1/rooms/room-1/stream")
    await leave(database, "lea", STREAMS, 0)

    assert is_too_often(await go_live(lea, "room-1"), STREAMS)
    assert len(await published("live.room_opened")) == 1


async def test_a_creator_has_so_many_guests_a_day_and_lets_them_go_always(lea, database, published):
    await go_live(lea, "room-1")
    await leave(database, "lea", GUESTS, 1)
    path = "/v1/rooms/room-1/guests"

    answers = await at_once(lea.put(f"{path}/otto"), lea.put(f"{path}/ida"))

    assert answers == [(200, None), (429, "too-often")]
    (guest,) = (await lea.get("/v1/rooms/room-1")).json()["guests"]
    # Who is a guest already is no other guest.
    assert (await lea.put(f"{path}/{guest}")).status_code == 200
    assert (await lea.delete(f"{path}/{guest}")).json()["guests"] == []
    assert is_too_often(await lea.put(f"{path}/{guest}"), GUESTS)
    assert len(await published("live.guest_joined")) == 1


async def test_goals_that_are_set_and_removed_again_come_to_an_end(lea, database):
    first = key()
    goal = (await lea.post("/v1/creators/me/goals", json=GOAL, headers=first)).json()
    await leave(database, "lea", GOALS, 1)

    def set_up(**headers):
        return lea.post("/v1/creators/me/goals", json=GOAL, headers=headers or key())

    assert await at_once(set_up(), set_up()) == [(201, None), (429, "too-often")]
    assert is_too_often(await set_up(), GOALS)
    assert (await set_up(**first)).json() == goal
    assert await count(database, "goals") == 2


async def test_a_goal_is_changed_so_many_times_a_day(lea, database, published, receive):
    goal = (await lea.post("/v1/creators/me/goals", json=GOAL, headers=key())).json()["goal"]
    await receive(a_gift_sent(coins=50))
    await leave(database, "lea", GOAL_CHANGES, 1)
    path = f"/v1/creators/me/goals/{goal}"

    assert (await lea.put(path, json={**GOAL, "target_coins": 50})).json()["reached"]
    refused = await lea.put(path, json={**GOAL, "target_coins": 60})
    again = await lea.put(path, json={**GOAL, "target_coins": 50})

    assert is_too_often(refused, GOAL_CHANGES)
    assert again.status_code == 200
    assert len(await published("live.goal_reached")) == 1


async def test_perks_that_are_offered_and_removed_again_come_to_an_end(lea, database):
    first = key()
    perk = (await lea.post("/v1/creators/me/perks", json=PERK, headers=first)).json()
    await leave(database, "lea", PERKS, 1)

    def offer(**headers):
        return lea.post("/v1/creators/me/perks", json=PERK, headers=headers or key())

    assert await at_once(offer(), offer()) == [(201, None), (429, "too-often")]
    assert is_too_often(await offer(), PERKS)
    assert (await offer(**first)).json() == perk
    assert await count(database, "perks") == 2


async def test_a_perk_is_changed_so_many_times_a_day(lea, database):
    perk = (await lea.post("/v1/creators/me/perks", json=PERK, headers=key())).json()["perk"]
    await leave(database, "lea", PERK_CHANGES, 1)
    path = f"/v1/creators/me/perks/{perk}"

    assert (await lea.put(path, json={**PERK, "threshold_coins": 9})).status_code == 200
    assert is_too_often(await lea.put(path, json={**PERK, "threshold_coins": 8}), PERK_CHANGES)
    assert (await lea.put(path, json={**PERK, "threshold_coins": 9})).status_code == 200


@pytest.fixture
async def claim(lea, receive, mira):
    """A viewer's claim to a perk that may be used without end."""
    await lea.post("/v1/creators/me/perks", json=PERK, headers=key())
    await receive(a_gift_sent(coins=10))
    (found,) = (await mira.get("/v1/gifters/me/entitlements")).json()["items"]
    return f"/v1/entitlements/{found['entitlement']}/use"


async def test_a_claim_without_end_is_used_so_many_times_a_day(lea, database, claim):
    first = key()
    used = (await lea.post(claim, headers=first)).json()
    await leave(database, "lea", ENTITLEMENT_USES, 1)

    answers = await at_once(lea.post(claim, headers=key()), lea.post(claim, headers=key()))

    assert answers == [(200, None), (429, "too-often")]
    assert is_too_often(await lea.post(claim, headers=key()), ENTITLEMENT_USES)
    assert (await lea.post(claim, headers=first)).status_code == 200
    assert used["used"] == 1
    assert await count(database, "uses") == 2


async def test_being_named_or_not_is_one_row_however_often(mira, database, published):
    for number in range(30):
        await mira.put("/v1/gifters/me", json={"hidden": bool(number % 2)})

    assert await count(database, "gifters") == 1
    assert await count(database, "outbox") == 0
