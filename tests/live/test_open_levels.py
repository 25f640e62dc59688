"""Others see the level of what was given openly; what an anonymous gift leads to names nobody."""

import asyncio
import json
from itertools import permutations

import pytest

from services.live.commands.levels import correct_open_coins
from services.live.store import feed
from shared.contracts.gift import GiftRestored
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import forget_inbox
from tests.live.conftest import a_combo_ended, a_gift_sent, a_reversal, key

ROOM = "/v1/rooms/room-1"


@pytest.fixture
def shown(database):
    """Everything the room's feed shows, by kind."""

    async def entries(*kinds):
        async with database.transaction() as tx:
            found = await feed.read_entries(tx, [("room-1", 0)], limit=500)
        return [
            json.loads(one.entry.shown) for one in found if not kinds or one.entry.kind in kinds
        ]

    return entries


@pytest.fixture
async def seen(lea, otto):
    """The levels of a viewer that others see, everywhere; the room is open."""
    await lea.put(f"{ROOM}/stream", json={})

    async def of(viewer):
        stream = (await lea.get(f"{ROOM}/streams")).json()["items"]
        answers = [
            (await otto.get(ROOM)).json()["top_gifters"],
            (await otto.get(f"{ROOM}/standing")).json()["top_gifters"],
            (await lea.get("/v1/creators/me/supporters")).json()["items"],
            (await lea.get("/v1/creators/me/supporters?order=new")).json()["items"],
        ]
        for each in stream:
            summary = (await lea.get(f"{ROOM}/streams/{each['stream']}")).json()
            answers.append(summary["top_gifters"])
        return {one["level"] for found in answers for one in found if one["viewer"] == viewer}

    return of


@pytest.fixture
def facts(database):
    """The envelopes of the published events of a name."""

    async def of(name):
        async with database.transaction() as tx:
            asked = text("SELECT body FROM outbox WHERE routing_key = :name ORDER BY id")
            return [json.loads(row.body) for row in await tx.execute(asked, {"name": name})]

    return of


@pytest.fixture
def open_coins(database):
    async def of(viewer):
        async with database.transaction() as tx:
            asked = text("SELECT open_coins FROM gifters WHERE viewer = :viewer")
            return (await tx.execute(asked, {"viewer": viewer})).scalar_one()

    return of


async def test_an_anonymous_gift_raises_the_level_that_its_giver_alone_sees(
    mira, receive, seen, shown
):
    await receive(a_gift_sent(5))
    assert await seen("mira") == {0}
    before = await shown()

    await receive(a_gift_sent(5_000, anonymous=True, room="room-2"))
    await receive(a_gift_sent(5_000, anonymous=True))

    assert await seen("mira") == {0}
    assert (await mira.get("/v1/gifters/me")).json()["level"] == 14
    (hidden,) = [entry for entry in await shown() if entry not in before]
    assert (hidden["viewer"], hidden["level"], hidden["first"]) == (None, None, False)


async def test_open_gifts_are_shown_with_the_level_of_open_gifts(receive, seen, shown):
    await receive(a_gift_sent(5_000, anonymous=True, room="room-2"))

    gift = a_gift_sent(60, combo="0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d102", mode="streak")
    await receive(gift, a_combo_ended([gift]))

    assert await seen("mira") == {2}
    assert {entry["level"] for entry in await shown("gift", "combo")} == {2}
    assert await shown("level") == [{"viewer": "mira", "level": 2, "previous_level": 0}]


async def test_the_level_that_others_see_follows_from_the_set_of_gifts_alone(
    database, receive, seen, open_coins
):
    """In every order, each event received twice, half of it in batches."""
    for number, order in enumerate(permutations(range(4))):
        viewer = f"viewer-{number}"
        openly, taken = a_gift_sent(100, viewer=viewer), a_gift_sent(60, viewer=viewer)
        hidden = a_gift_sent(5_000, viewer=viewer, anonymous=True)
        story = [openly, hidden, taken, a_reversal(taken, 1, 60)]
        if number % 2:
            await receive(*(story[place] for place in order))
        else:
            for place in order:
                await receive(story[place])
        await forget_inbox(database)
        await receive(*(story[place] for place in reversed(order)))

        assert await open_coins(viewer) == 100, order

    assert await seen("viewer-0") == {2}


async def test_money_taken_back_lowers_the_level_by_open_gifts_only(receive, seen, open_coins):
    openly, hidden = a_gift_sent(60), a_gift_sent(60, anonymous=True)
    await receive(openly, hidden)

    await receive(a_reversal(hidden, 1, 60))
    assert (await seen("mira"), await open_coins("mira")) == ({2}, 60)
    await receive(a_reversal(openly, 1, 60))
    assert (await seen("mira"), await open_coins("mira")) == ({0}, 0)
    await receive(a_reversal(openly, 2, 0, contract=GiftRestored))
    assert (await seen("mira"), await open_coins("mira")) == ({2}, 60)


async def test_a_rebuild_comes_to_the_same_level(receive, seen, open_coins, rebuild):
    gifts = [a_gift_sent(60), a_gift_sent(5_000, anonymous=True)]
    await receive(*gifts)
    await rebuild.begin()
    await receive(*reversed(gifts))
    await rebuild.end_filling()
    await rebuild.publish(given_up_seconds=0)

    assert (await seen("mira"), await open_coins("mira")) == ({2}, 60)


async def test_what_a_version_without_open_coins_counted_is_corrected(
    database, receive, seen, open_coins
):
    await receive(*(a_gift_sent(60, viewer=viewer) for viewer in ("ann", "ben", "cem")))
    await receive(a_gift_sent(60, viewer="ann", room=None), a_gift_sent(9, anonymous=True))
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE gifters SET open_coins = 0 WHERE viewer <> 'ben'"))

    after, pages = "", 0
    while after is not None:
        async with database.transaction() as tx:
            after = await correct_open_coins(tx, after=after, limit=2)
        pages += 1

    assert pages == 3
    assert [await open_coins(each) for each in ("ann", "ben", "cem", "mira")] == [120, 60, 60, 0]
    assert await seen("cem") == {2}


@pytest.mark.parametrize("batch_first", [True, False])
async def test_a_correction_misses_no_gift_that_is_being_counted(
    database, receive, open_coins, batch_first
):
    """A batch has changed the supporters, and waits for the gifter's row as the correction does."""
    await receive(a_gift_sent(60))
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE gifters SET open_coins = 0"))

    async def count():
        await receive(a_gift_sent(40))

    async def correct():
        async with database.transaction() as tx:
            await correct_open_coins(tx, after="")

    async with database.transaction() as other:
        await other.execute(text("SELECT FROM gifters FOR UPDATE"))
        waiting = []
        for work in (count, correct) if batch_first else (correct, count):
            waiting.append(asyncio.create_task(work()))
            await asyncio.sleep(0.3)
    await asyncio.gather(*waiting)

    assert await open_coins("mira") == 100


async def test_the_feed_shows_no_reversal_of_an_anonymous_gift(receive, shown, look):
    """One payment's gifts are reversed together: beside an open one its giver would be known."""
    openly, hidden = a_gift_sent(60), a_gift_sent(30, anonymous=True)
    await receive(openly, hidden)

    await receive(a_reversal(openly, 1, 60), a_reversal(hidden, 1, 30))
    await receive(a_reversal(hidden, 2, 0, contract=GiftRestored))

    assert [entry["gift"] for entry in await shown("reversal")] == [str(openly.gift)]
    assert (await look())["coins"] == 30


async def test_what_an_anonymous_gift_leads_to_has_a_correlation_of_its_own(lea, receive, facts):
    """The ids of its events can be computed from the gift's id."""
    await lea.put(f"{ROOM}/stream", json={})
    goal = {"title": "A new microphone", "target_coins": 100, "room": "room-1"}
    await lea.post("/v1/creators/me/goals", json=goal, headers=key())

    await receive(a_gift_sent(100, anonymous=True))

    for name in ("live.level_reached", "live.goal_reached"):
        (fact,) = await facts(name)
        assert "causationid" not in fact
        assert fact["correlationid"] != "story"
        assert "traceparent" not in fact


@pytest.mark.parametrize("hidden_first", [True, False])
async def test_no_perk_follows_from_an_anonymous_gift(lea, receive, facts, hidden_first):
    """A payment that is taken back takes open gifts and anonymous ones in one batch."""
    perk = {"kind": "shout_out", "title": "Your name", "threshold_coins": 50}
    await lea.post("/v1/creators/me/perks", json=perk, headers=key())
    openly, hidden = a_gift_sent(60), a_gift_sent(60, anonymous=True)
    both = [hidden, openly] if hidden_first else [openly, hidden]

    await receive(*both)
    back = {gift.gift: a_reversal(gift, 1, 60) for gift in both}
    await receive(*(back[gift.gift] for gift in both))

    (unlocked,) = await facts("live.perk_unlocked")
    (withdrawn,) = await facts("live.perk_withdrawn")
    assert unlocked["causationid"] == str(openly.id)
    assert withdrawn["causationid"] == str(back[openly.gift].id)


async def test_own_ranks_and_first_gifts_are_untouched_by_an_anonymous_gift(
    app, receive, published, shown
):
    await receive(a_gift_sent(10), a_gift_sent(9, viewer="jonas"))
    async with client_of(app, a_token("jonas")) as jonas:
        before = (await jonas.get(f"{ROOM}/standing")).json()

        await receive(a_gift_sent(500, viewer="jonas", anonymous=True))
        await receive(a_gift_sent(500, viewer="kim", anonymous=True))

        after = (await jonas.get(f"{ROOM}/standing")).json()
    assert (after["top_gifters"], after["gifters"]) == (before["top_gifters"], before["gifters"])
    assert after["me"] == before["me"]
    assert {fact["viewer"] for fact in await published("live.first_gift")} == {"mira", "jonas"}
    assert not [entry for entry in await shown() if entry.get("viewer") == "kim"]
