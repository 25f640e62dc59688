"""Whatever order facts come in, and however they are batched, everything comes to the same."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.gift import GiftRestored
from shared.postgres.statements import text
from tests.deliveries import forget_inbox
from tests.live.conftest import a_combo_ended, a_gift_sent, a_reversal, key

STATE = {
    "rooms": "SELECT room, gifts, coins FROM rooms",
    "scores": "SELECT room, period, viewer, gifts, coins, first_at FROM scores",
    "totals": "SELECT room, period, gifts, coins, gifters FROM totals",
    "supporters": "SELECT creator, viewer, gifts, coins, first_at FROM supporters",
    "gifters": "SELECT viewer, gifts, coins, level FROM gifters",
    "gifts": "SELECT gift, stream, coins FROM gifts",
    "reversals": "SELECT gift, lot, revision, reversed_coins FROM reversals",
    "goals": "SELECT title, progress_coins, contributors, reached FROM goals",
    "goal_gifters": "SELECT viewer, coins FROM goal_gifters",
    "entitlements": "SELECT viewer, threshold_coins, withdrawn FROM entitlements",
    "shown": "SELECT room, kind, subject FROM feed WHERE kind IN ('gift', 'combo', 'reversal')",
}


@pytest.fixture
def state(database):
    """Everything that follows from events; without what counts publications."""

    async def read():
        async with database.transaction() as tx:
            return {
                name: sorted(repr(dict(row)) for row in await tx.execute(text(query)))
                for name, query in STATE.items()
            }

    return read


def a_story():
    """Gifts in two rooms and in none, of combos and alone, reversed and restored again."""
    combo = uuid4()
    streak = [a_gift_sent(5, combo=combo, repeat_count=n, repeat_end=False) for n in (1, 2, 3)]
    large = a_gift_sent(400, viewer="jonas")
    hidden = a_gift_sent(90, anonymous=True)
    elsewhere = a_gift_sent(120, room="room-2", creator="otto")
    roomless = a_gift_sent(60, room=None)
    other = uuid4()
    return [
        *streak,
        a_combo_ended(streak),
        large,
        a_reversal(large, 1, 250),
        a_reversal(large, 2, 100, contract=GiftRestored),
        a_reversal(large, 1, 150, lot=other),
        hidden,
        a_reversal(hidden, 1, 30),
        elsewhere,
        a_reversal(elsewhere, 1, 120),
        a_reversal(elsewhere, 2, 0, contract=GiftRestored),
        roomless,
        a_reversal(roomless, 1, 10),
    ]


async def set_up(lea):
    await lea.put("/v1/rooms/room-1/stream", json={})
    goal = {"title": "In the room", "target_coins": 150, "room": "room-1"}
    await lea.post("/v1/creators/me/goals", json=goal, headers=key())
    goal = {"title": "Anywhere", "target_coins": 300}
    await lea.post("/v1/creators/me/goals", json=goal, headers=key())
    perk = {"kind": "custom", "title": "A song", "threshold_coins": 100}
    await lea.post("/v1/creators/me/perks", json=perk, headers=key())


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_in_any_batches_more_than_once_ends_the_same(
    lea, receive, state, database, seed
):
    """The state at the end is that of a world in which only the last revisions were received."""
    await set_up(lea)
    story, chance = a_story(), random.Random(seed)
    at = datetime.now(UTC) + timedelta(seconds=1)
    chance.shuffle(story)
    while story:
        batch = [story.pop() for _ in range(min(len(story), chance.randint(1, 5)))]
        await receive(*batch, at=at)
        await forget_inbox(database)
        await receive(*chance.sample(batch, len(batch)), at=at)
    found = await state()

    assert [row for row in found["rooms"] if "'room-1'" in row] == [
        repr({"room": "room-1", "gifts": 5, "coins": 15 + 150 + 60})
    ]
    assert found["gifters"] == [
        repr({"viewer": "jonas", "gifts": 1, "coins": 150, "level": 2}),
        repr({"viewer": "mira", "gifts": 6, "coins": 15 + 60 + 120 + 50, "level": 3}),
    ]
    assert found["goals"] == [
        repr({"title": "Anywhere", "progress_coins": 275, "contributors": 2, "reached": False}),
        repr({"title": "In the room", "progress_coins": 225, "contributors": 2, "reached": True}),
    ]
    unlocked = {"viewer": "jonas", "threshold_coins": 100, "withdrawn": False}
    assert [row for row in found["entitlements"] if "False" in row] == [repr(unlocked)]
    assert len([row for row in found["scores"] if "'stream:" in row]) == 2
    assert len([row for row in found["shown"] if "'gift'" in row]) == 6
    assert len([row for row in found["shown"] if "'combo'" in row]) == 1


async def test_counted_again_in_another_order_nothing_is_published_or_shown_twice(
    lea, receive, state, published, rebuild
):
    await set_up(lea)
    story, at = a_story(), datetime.now(UTC) + timedelta(seconds=1)
    for fact in story:
        await receive(fact, at=at)
    before, facts = await state(), await published(None)

    await rebuild.begin()
    emptied = await state()
    await receive(*reversed(story), at=at)
    counted = await state()
    await rebuild.end_filling()
    await rebuild.publish()

    assert (emptied["scores"], emptied["supporters"]) == ([], [])
    assert emptied["entitlements"] == before["entitlements"]
    # Restorations that were received one by one are shown one by one, and not again.
    assert counted == before
    assert await published(None) == facts
    # From now on everything is published again.
    await receive(a_gift_sent(10_000))
    assert len(await published(None)) > len(facts)


async def test_what_changed_during_a_rebuild_is_published_afterwards(
    lea, receive, published, rebuild
):
    await set_up(lea)
    old = a_gift_sent(50)
    await receive(old)
    await rebuild.begin()
    await receive(old, a_gift_sent(1_000))
    assert len(await published("live.level_reached")) == 1
    await rebuild.end_filling()
    await rebuild.publish()

    assert [fact["level"] for fact in await published("live.level_reached")] == [1, 5]
    assert len(await published("live.perk_unlocked")) == 1
    assert len(await published("live.goal_reached")) == 2
