"""Requests that come together share a transaction; a lone one never waits for others."""

import asyncio

import pytest

from shared.postgres.batching import Batcher


@pytest.fixture
def committed():
    return []


@pytest.fixture
def batcher(committed):
    async def commit(items):
        committed.append(list(items))
        return items

    return Batcher(commit)


async def test_a_lone_item_is_committed_at_once_however_soon_after_another(batcher, committed):
    for item in range(3):
        waiting = asyncio.create_task(batcher.submit(item))
        for _ in range(3):
            await asyncio.sleep(0)
        assert committed[-1] == [item]
        assert await waiting == item


async def test_after_a_large_batch_a_small_one_waits_for_more(batcher, committed):
    await asyncio.gather(*map(batcher.submit, range(10)))
    early = asyncio.create_task(batcher.submit("early"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await asyncio.gather(early, batcher.submit("late"))

    assert committed == [list(range(10)), ["early", "late"]]


async def test_a_large_batch_is_committed_at_once(batcher, committed):
    await asyncio.gather(*map(batcher.submit, range(10)))
    waiting = [asyncio.create_task(batcher.submit(item)) for item in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)

    assert committed[1:] == [list(range(10))]
    await asyncio.gather(*waiting)
