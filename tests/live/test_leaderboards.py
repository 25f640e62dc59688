"""Who gave most, by period; levels; who wants to be named; who came for the first time."""

from datetime import UTC, datetime, timedelta

import pytest

from services.live.commands.queries import read_leaderboard
from services.live.domain.leaderboards import TOP_GIFTERS, Period
from shared.contracts.gift import GiftRestored
from tests.clients import a_token, client_of
from tests.deliveries import forget_inbox
from tests.live.conftest import a_gift_sent, a_reversal

LEADERBOARD = "/v1/rooms/room-1/standing"


def names(leaderboard):
    return [(top["viewer"], top["coins"]) for top in leaderboard["top_gifters"]]


async def test_each_period_has_its_own_leaderboard_and_a_reversal_lowers_all_of_them(
    lea, mira, receive, database
):
    await receive(a_gift_sent(500), at=datetime.now(UTC) - timedelta(days=20))
    await lea.put("/v1/rooms/room-1/stream", json={})
    taken, now = a_gift_sent(70), datetime.now(UTC)
    await receive(taken, a_gift_sent(50, viewer="jonas"), at=now)

    async def coins(period):
        async with database.transaction() as tx:
            found = await read_leaderboard(
                tx, "room-1", Period(period), "mira", now=now, limit=TOP_GIFTERS
            )
        top = [(each.viewer, each.coins) for each in found.top]
        return top, found.total.coins, found.total.gifters

    for period in ("stream", "day", "week"):
        assert await coins(period) == ([("mira", 70), ("jonas", 50)], 120, 2)
    assert await coins("all") == ([("mira", 570), ("jonas", 50)], 620, 2)
    await receive(a_reversal(taken, 1, 70))
    for period in ("stream", "day", "week"):
        assert await coins(period) == ([("jonas", 50), ("mira", 0)], 50, 2)
    assert await coins("all") == ([("mira", 500), ("jonas", 50)], 550, 2)
    for period in ("stream", "all"):
        leaderboard = (await mira.get(f"{LEADERBOARD}?period={period}")).json()
        shown = names(leaderboard), leaderboard["coins"], leaderboard["gifters"]
        assert shown == await coins(period)
    await lea.delete("/v1/rooms/room-1/stream")
    assert (await mira.get(f"{LEADERBOARD}?period=stream")).json()["code"] == "not-live"


async def test_a_viewer_sees_their_own_rank(app, mira, receive):
    await receive(*(a_gift_sent(100 - n, viewer=f"viewer-{n:03}") for n in range(99)))
    await receive(a_gift_sent(1), a_gift_sent(1, viewer="zoe"))

    async def place(viewer):
        async with client_of(app, a_token(viewer)) as client:
            return (await client.get(LEADERBOARD)).json()["me"]

    assert await place("viewer-000") == {
        "viewer": "viewer-000",
        "coins": 100,
        "gifts": 1,
        "rank": 1,
    }
    assert (await place("mira"))["rank"] == 100
    # As many coins, but later by name, and beyond those that have a rank.
    assert (await place("zoe"))["rank"] is None
    assert await place("nobody") == {"viewer": "nobody", "coins": 0, "gifts": 0, "rank": None}


async def test_a_hidden_viewer_is_counted_and_not_named(mira, receive):
    await receive(a_gift_sent(100), a_gift_sent(50, viewer="jonas"))

    hidden = await mira.put("/v1/gifters/me", json={"hidden": True})
    leaderboard = (await mira.get(LEADERBOARD)).json()

    assert hidden.json()["hidden"] is True
    assert names(leaderboard) == [("jonas", 50)]
    assert leaderboard["coins"] == 150
    assert (leaderboard["me"]["coins"], leaderboard["me"]["rank"]) == (100, None)
    await mira.put("/v1/gifters/me", json={"hidden": False})
    assert names((await mira.get(LEADERBOARD)).json()) == [("mira", 100), ("jonas", 50)]


async def test_without_gifts_or_with_hidden_viewers_alone_the_leaderboard_names_nobody(
    mira, receive
):
    empty = (await mira.get(LEADERBOARD)).json()
    await receive(a_gift_sent(100))
    await mira.put("/v1/gifters/me", json={"hidden": True})
    hidden = (await mira.get(LEADERBOARD)).json()

    nothing = {"viewer": "mira", "coins": 0, "gifts": 0, "rank": None}
    assert (empty["gifts"], empty["gifters"], empty["top_gifters"]) == (0, 0, [])
    assert empty["me"] == nothing
    assert (hidden["coins"], hidden["gifters"], hidden["top_gifters"]) == (100, 1, [])
    assert hidden["me"] == {**nothing, "coins": 100, "gifts": 1}


async def test_a_level_rises_over_all_rooms_and_falls_with_the_money(mira, receive, published):
    gift = a_gift_sent(50, room=None)
    await receive(a_gift_sent(5), gift, a_gift_sent(5, anonymous=True))

    assert (await mira.get("/v1/gifters/me")).json() == {
        "viewer": "mira",
        "level": 2,
        "given_coins": 60,
        "gifts": 3,
        "next_level_coins": 173,
        "hidden": False,
    }
    await receive(a_reversal(gift, 1, 50))
    await receive(a_reversal(gift, 2, 0, contract=GiftRestored))
    facts = await published("live.level_reached")
    assert [
        (fact["revision"], fact["previous_level"], fact["level"], fact["given_coins"])
        for fact in facts
    ] == [(1, 0, 2, 60), (2, 2, 1, 10), (3, 1, 2, 60)]


@pytest.mark.parametrize("sent_first", [True, False])
async def test_a_gift_outside_of_rooms_is_lowered_in_either_order(mira, receive, sent_first):
    gift = a_gift_sent(50, room=None)
    story = [gift, a_reversal(gift, 1, 50)]

    for fact in story if sent_first else reversed(story):
        await receive(fact)

    assert (await mira.get("/v1/gifters/me")).json()["given_coins"] == 0


async def test_the_first_gift_to_a_creator_is_greeted_once(lea, receive, published, database):
    first = a_gift_sent(10)
    await receive(first, a_gift_sent(10))
    await forget_inbox(database)
    await receive(first, a_gift_sent(10), a_gift_sent(10, viewer="jonas", anonymous=True))

    (greeted,) = await published("live.first_gift")

    assert (greeted["gift"], greeted["viewer"]) == (str(first.gift), "mira")
    # An anonymous viewer is no creator's supporter by name.
    supporters = (await lea.get("/v1/creators/me/supporters")).json()["items"]
    assert [(one["viewer"], one["coins"], one["gifts"]) for one in supporters] == [("mira", 30, 3)]


async def test_supporters_are_listed_by_what_they_gave_and_by_when_they_came(lea, mira, receive):
    for number, viewer in enumerate(("ann", "ben", "cem")):
        await receive(a_gift_sent(10 * (3 - number), viewer=viewer))

    async def listed(order):
        address, found = f"/v1/creators/me/supporters?order={order}&limit=2", []
        page = (await lea.get(address)).json()
        found += page["items"]
        page = (await lea.get(f"{address}&cursor={page['next_cursor']}")).json()
        assert page["next_cursor"] is None
        return [one["viewer"] for one in found + page["items"]]

    assert await listed("top") == ["ann", "ben", "cem"]
    assert await listed("new") == ["cem", "ben", "ann"]
    assert (await mira.get("/v1/creators/me/supporters")).status_code == 403
    broken = await lea.get("/v1/creators/me/supporters?cursor=WyJ4Il0")
    assert broken.json()["code"] == "bad-cursor"
