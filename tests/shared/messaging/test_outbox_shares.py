"""Relays divide the shares of an outbox: fairly, each has one publisher, and order is kept."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from shared.messaging.outbox import SHARES
from shared.messaging.outbox_shares import SessionChanged, join, read_locks
from shared.messaging.relay import Relay
from shared.postgres.peers import divided
from shared.postgres.statements import text
from tests.shared.messaging.conftest import a_fact, is_empty
from tests.shared.messaging.waiting import SECONDS_MAX, eventually

OWNERS = text("""
    SELECT pid, count(*) AS shares FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 7001 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid
""")
VIEWERS = [f"viewer-{number}" for number in range(8)]


@pytest.mark.parametrize("count", range(1, 2 * SHARES))
def test_each_member_gets_as_many_shares_as_any_other_or_one_more(count):
    members = frozenset(range(4_000, 4_000 + count))

    shares = Counter(divided(members, SHARES).values())

    assert shares.total() == SHARES
    assert {shares[member] for member in members} <= {SHARES // count, SHARES // count + 1}


@pytest.mark.parametrize("count", [2, 4, 8])
def test_when_a_member_goes_most_shares_of_the_others_stay(count):
    members = frozenset(range(4_000, 4_000 + count))
    before, after = divided(members, SHARES), divided(members - {4_000}, SHARES)

    others = [share for share in range(SHARES) if before[share] != 4_000]
    stayed = [share for share in others if before[share] == after[share]]

    assert len(stayed) > len(others) / 2


async def shares_by_relay(database):
    async with database.transaction() as tx:
        return sorted(row.shares for row in await tx.execute(OWNERS))


async def divide_as(database, *shares):
    """Wait until the relays have so many shares each."""

    async def as_wanted():
        return await shares_by_relay(database) == list(shares)

    await eventually(as_wanted)


@pytest.fixture
def relaying(wallet_database, broker_of):
    """Run a relay for as long as a block."""

    @asynccontextmanager
    async def run():
        stopping = asyncio.Event()
        task = asyncio.create_task(Relay(wallet_database, broker_of("wallet")).run(stopping))
        yield
        stopping.set()
        await asyncio.wait_for(task, SECONDS_MAX)

    return run


async def test_relays_divide_the_shares_and_again_when_one_comes_or_goes(wallet_database, relaying):
    async with relaying():
        await divide_as(wallet_database, 16)
        async with relaying():
            await divide_as(wallet_database, 8, 8)
            async with relaying():
                await divide_as(wallet_database, 5, 5, 6)
            await divide_as(wallet_database, 8, 8)
        await divide_as(wallet_database, 16)


async def test_while_relays_come_and_go_each_event_is_published_once_and_in_order(
    wallet_database, relaying, say, messages_in
):
    """A share is given up between two batches, when what was published is deleted."""
    told = 0

    async def tell_until(divided_so):
        nonlocal told
        task = asyncio.create_task(divided_so)
        while not task.done():
            told += 1
            await say(*(a_fact(told, viewer=viewer) for viewer in VIEWERS))
            await asyncio.sleep(0.02)
        await task

    async with relaying():
        await tell_until(divide_as(wallet_database, 16))
        for _ in range(2):
            async with relaying(), relaying():
                await tell_until(divide_as(wallet_database, 5, 5, 6))
            await tell_until(divide_as(wallet_database, 16))
        await eventually(lambda: is_empty(wallet_database))

    arrived = await messages_in("gift.outcomes", told * len(VIEWERS))
    orders: dict[str, list[int]] = {}
    for message in arrived:
        body = json.loads(message.body)
        orders.setdefault(body["partitionkey"], []).append(int(body["sequence"]))
    assert orders == {viewer: list(range(1, told + 1)) for viewer in VIEWERS}


async def test_a_relay_behind_a_pooler_in_transaction_mode_publishes_nothing(wallet_database):
    """Its statements arrive at other sessions than the one that has its locks."""
    first = await wallet_database.connect_directly()
    second = await wallet_database.connect_directly()
    try:
        await join(first, idle_seconds_max=60)
        assert (await read_locks(first)).wanted == set(range(SHARES))

        with pytest.raises(SessionChanged):
            await read_locks(second)
    finally:
        first.terminate()
        second.terminate()
