"""Those who watch see every gift once and in order, wherever they resume."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from services.live.api import hub as hubs
from services.live.api import watchers
from services.live.api.feed_formats import FeedFormat
from services.live.store.feed import read_newest_sequence
from tests.databases import another
from tests.live.conftest import SOON_SECONDS, a_gift_sent


@pytest.fixture
async def shown(hub):
    """Run the task that hands out gifts, until the test ends."""
    stopping = asyncio.Event()
    running = asyncio.create_task(hub.run(stopping))
    yield stopping
    stopping.set()
    await asyncio.wait_for(running, SOON_SECONDS)


GIFTS = FeedFormat(only=frozenset({"gift"}))


async def take(watcher, count):
    """The coins of the next gifts, however many come in one piece; their ids grow."""
    taken = []
    while len(taken) < count:
        taken += events_in(await asyncio.wait_for(watcher.next(), SOON_SECONDS))
    assert [number for number, _ in taken] == sorted({number for number, _ in taken})
    return [shown["coins"] for _, shown in taken]


def events_in(chunk):
    lines = chunk.decode().splitlines()
    ids = [int(line[4:]) for line in lines if line.startswith("id: ")]
    shown = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return list(zip(ids, shown, strict=True))


@asynccontextmanager
async def watching(hub, *, after=None, last=0):
    async with hub.watch("room-1", after=after, last=last, format_=GIFTS) as watcher:
        yield watcher


async def test_what_was_missed_is_shown_exactly_once_and_in_order(hub, shown, receive):
    await receive(*(a_gift_sent(coins) for coins in (1, 2, 3)))

    async with watching(hub, after=1) as watcher:
        assert await take(watcher, 2) == [2, 3]
        await receive(a_gift_sent(4))
        assert await take(watcher, 1) == [4]


async def test_without_a_position_one_sees_what_comes_and_a_few_before(hub, shown, receive):
    await receive(*(a_gift_sent(coins) for coins in (1, 2, 3)))

    async with watching(hub) as newcomer, watching(hub, last=3) as curious:
        await receive(a_gift_sent(4))
        assert await take(newcomer, 1) == [4]
        assert await take(curious, 3) == [2, 3, 4]


async def test_who_cannot_keep_up_is_let_go_and_others_go_on(hub, shown, receive, monkeypatch):
    monkeypatch.setattr(watchers, "BEHIND_MAX", 8)
    async with watching(hub, after=0) as slow, watching(hub, after=0) as quick:
        seen = []
        for start in range(0, 12, 3):
            await receive(*(a_gift_sent(coins + 1) for coins in range(start, start + 3)))
            seen += await take(quick, 3)

        assert seen == list(range(1, 13))
        assert slow.gone
        assert await asyncio.wait_for(slow.next(), SOON_SECONDS) is None


async def test_stopping_ends_every_stream(hub, shown):
    async with watching(hub) as watcher:
        await asyncio.sleep(0.05)
        shown.set()
        assert await asyncio.wait_for(watcher.next(), SOON_SECONDS) is None


async def test_who_comes_while_the_service_stops_is_let_go_at_once(hub):
    stopping = asyncio.Event()
    stopping.set()
    await hub.run(stopping)

    async with watching(hub) as late:
        assert await asyncio.wait_for(late.next(), SOON_SECONDS) is None


async def test_what_another_instance_counts_is_shown_because_it_says_so(
    database, hub, shown, receive, monkeypatch
):
    """The look that would find it anyway is hours away."""
    monkeypatch.setattr(hubs, "LOOK_SECONDS", 3_600)
    other = another(database)
    elsewhere, stopping = hubs.Hub(other), asyncio.Event()
    tasks = [
        asyncio.create_task(part(stopping))
        for part in (elsewhere.run, other.wakeups.exchange, database.wakeups.exchange)
    ]
    async with watching(elsewhere) as watcher:
        await asyncio.sleep(0.3)
        await receive(a_gift_sent(7))
        assert await take(watcher, 1) == [7]
    stopping.set()
    await asyncio.wait_for(asyncio.gather(*tasks), SOON_SECONDS)
    await other.close()


async def test_a_watcher_that_came_while_a_gift_was_counted_sees_it(hub, receive, monkeypatch):
    """It was committed after the newest entry was read, and before the watcher was there."""
    monkeypatch.setattr(hubs, "LOOK_SECONDS", 3_600)

    async def read_and_count(tx, room):
        newest = await read_newest_sequence(tx, room)
        await receive(a_gift_sent(3))
        return newest

    stopping = asyncio.Event()
    running = asyncio.create_task(hub.run(stopping))
    await asyncio.sleep(0.1)
    with monkeypatch.context() as patch:
        patch.setattr(hubs, "read_newest_sequence", read_and_count)
        async with watching(hub) as watcher:
            assert await take(watcher, 1) == [3]
    stopping.set()
    await asyncio.wait_for(running, SOON_SECONDS)
