"""A rebuild is quiet until every old event was received, however busy live is meanwhile."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.postgres.statements import text
from tests.live.conftest import a_gift_sent, a_reversal, key

GOALS, PERKS = "/v1/creators/me/goals", "/v1/creators/me/perks"


@pytest.fixture
async def old(lea, receive):
    """Gifts that reached a goal, unlocked a perk and raised a level, before live is rebuilt."""
    await lea.put("/v1/rooms/room-1/stream", json={})
    goal = {"title": "In the room", "target_coins": 150, "room": "room-1"}
    await lea.post(GOALS, json=goal, headers=key())
    perk = {"kind": "custom", "title": "A song", "threshold_coins": 100}
    await lea.post(PERKS, json=perk, headers=key())
    gifts = [a_gift_sent(80) for _ in range(5)]
    at = datetime.now(UTC)
    await receive(*gifts, at=at)

    async def again(count=5):
        if count:
            await receive(*gifts[:count], at=at)

    return again


async def test_it_ends_while_new_gifts_keep_coming(old, receive, rebuild, published):
    await rebuild.begin()
    await old()
    await rebuild.end_filling()
    async with asyncio.timeout(60):
        while await rebuild.phase() != "done":
            await receive(a_gift_sent(10))
            await asyncio.sleep(0.02)
            await rebuild.publish(quiet_seconds=0.2)
    facts = await published(None)

    await receive(a_gift_sent(5_000, viewer="jonas"))
    assert len(await published(None)) > len(facts)


async def test_old_facts_that_still_come_put_its_end_off(old, receive, rebuild):
    before = datetime.now(UTC)
    await rebuild.begin()
    await old()
    await rebuild.end_filling()
    for _ in range(8):
        await receive(a_gift_sent(10), at=before)
        await asyncio.sleep(0.05)
        await rebuild.publish(quiet_seconds=0.3)

    assert await rebuild.phase() == "counting"


async def test_it_does_not_end_before_all_was_republished_and_can_be_begun_again(
    old, rebuild, published
):
    facts = await published(None)
    await rebuild.begin()
    await old()
    await rebuild.publish(given_up_seconds=0)
    assert await rebuild.phase() == "counting"

    await rebuild.begin()
    await old()
    await rebuild.publish(given_up_seconds=0)
    assert await rebuild.phase() == "counting"
    await rebuild.end_filling()
    await rebuild.publish()
    assert await rebuild.phase() == "done"
    await rebuild.begin()
    await old()
    await rebuild.publish()

    assert await rebuild.phase() == "counting"
    assert await published(None) == facts


@pytest.mark.parametrize("received", [0, 2])
async def test_while_the_consumer_pauses_nothing_false_is_published(
    old, rebuild, published, received
):
    """All was republished, and is still in the queue."""
    facts = await published(None)
    await rebuild.begin()
    await old(received)
    await rebuild.end_filling()
    await rebuild.publish()
    assert await rebuild.phase() == "counting"

    await old()
    await rebuild.publish()

    assert await rebuild.phase() == "done"
    assert await published(None) == facts


async def test_a_gift_that_no_service_can_republish_is_given_up(old, rebuild, published):
    await rebuild.begin()
    await old(4)
    await rebuild.end_filling()
    await rebuild.publish(given_up_seconds=0)

    assert await rebuild.phase() == "done"
    assert [fact["given_coins"] for fact in await published("live.level_reached")] == [400, 320]


async def test_it_counts_reversed_and_anonymous_gifts_as_before_and_shows_none_again(
    receive, look, published, rebuild, database
):
    gifts = [a_gift_sent(80), a_gift_sent(30, anonymous=True), a_gift_sent(5, viewer="jonas")]
    reversals = [a_reversal(gifts[0], 1, 20), a_reversal(gifts[1], 1, 10)]
    at = datetime.now(UTC)
    await receive(*gifts, *reversals, at=at)
    before = await look(), await published(None)
    await rebuild.begin()
    await receive(*gifts, *reversals, at=at)
    await rebuild.end_filling()
    await rebuild.publish()

    assert (await look(), await published(None)) == before
    async with database.transaction() as tx:
        shown = await tx.execute(text("SELECT subject FROM feed WHERE kind = 'gift'"))
        assert sorted(row.subject for row in shown) == sorted(gift.gift for gift in gifts)
    # Afterwards all is as ever.
    await receive(a_reversal(gifts[0], 2, 80), a_reversal(gifts[1], 2, 30))
    assert (await look())["coins"] == 5


async def test_an_empty_database_needs_no_rebuild(database):
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM rebuilds"))).scalar_one() == 0
