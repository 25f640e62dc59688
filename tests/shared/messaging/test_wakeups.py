"""
Relays are woken, and look by themselves only for what no wake-up came for.

Where a test is about wake-ups, the slow look comes after hours: what leaves was not found by it.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest

from shared.messaging.outbox import SHARES, publish, topic_of
from shared.messaging.relay import Relay
from shared.postgres.statements import text
from shared.postgres.wakeups import wait
from tests.databases import another
from tests.metrics import metric
from tests.shared.messaging.conftest import a_fact, is_empty
from tests.shared.messaging.waiting import eventually

HOURS = 5 * 3_600.0
END_OTHERS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
""")
EVERY_SHARE = {topic_of(share) for share in range(SHARES)}


@pytest.fixture
async def another_instance(wallet_database):
    """The same database, as another process opens it."""
    opened = another(wallet_database)
    yield opened
    await opened.close()


@pytest.fixture
def relay_of(broker_of, running):
    def start(database, *, look_seconds=HOURS):
        return running(Relay(database, broker_of("wallet"), look_seconds=look_seconds))

    return start


@asynccontextmanager
async def exchanging(database):
    """Exchange wake-ups as a service does."""
    stopping = asyncio.Event()
    session = asyncio.create_task(database.wakeups.exchange(stopping))
    yield session
    stopping.set()
    await asyncio.gather(session, return_exceptions=True)


async def owns_every_share():
    """Wait until a relay of this process, the only one, has all shares."""

    async def owned():
        return all(metric("ovation_relay_leader", share=str(share)) for share in range(SHARES))

    await eventually(owned)


async def write(database, *facts):
    async with database.part_for("mira").transaction() as tx:
        await publish(tx, facts)


def ids(messages):
    return [message.message_id for message in messages]


async def test_a_commit_wakes_the_relay_of_its_own_process(wallet_database, relay_of, messages_in):
    relay_of(wallet_database)
    await owns_every_share()
    fact = a_fact()

    await write(wallet_database, fact)

    assert ids(await messages_in("gift.outcomes", 1)) == [str(fact.event.id)]
    await eventually(lambda: is_empty(wallet_database))


async def test_a_commit_wakes_the_relay_of_the_instance_that_owns_the_share(
    wallet_database, another_instance, relay_of, messages_in
):
    """Every share belongs to the first instance; the second one writes."""
    relay_of(wallet_database)
    await owns_every_share()
    facts = [a_fact(viewer=f"viewer-{number}") for number in range(40)]

    async with exchanging(wallet_database), exchanging(another_instance):
        for fact in facts:
            await write(another_instance, fact)

        arrived = await messages_in("gift.outcomes", 40)
    assert sorted(ids(arrived)) == sorted(str(fact.event.id) for fact in facts)
    await eventually(lambda: is_empty(wallet_database))


async def test_what_was_written_while_no_session_listened_leaves_when_one_does(
    wallet_database, another_instance, relay_of, messages_in
):
    relay_of(wallet_database)
    await owns_every_share()
    async with exchanging(another_instance):
        await write(another_instance, a_fact())

        async with exchanging(wallet_database):
            await messages_in("gift.outcomes", 1)


async def test_a_wake_up_that_could_not_be_sent_is_sent_by_the_next_session(
    wallet_database, another_instance, relay_of, messages_in
):
    relay_of(wallet_database)
    await owns_every_share()
    async with exchanging(wallet_database):
        await asyncio.sleep(0.2)
        await write(another_instance, a_fact())

        async with exchanging(another_instance):
            await messages_in("gift.outcomes", 1)


async def test_what_nothing_woke_a_relay_for_is_found_by_looking(
    wallet_database, another_instance, relay_of, messages_in
):
    """As the rows of a process that died after its commit, before it could notify."""
    relay_of(wallet_database, look_seconds=0.2)
    await owns_every_share()

    await write(another_instance, a_fact())

    await messages_in("gift.outcomes", 1)


async def test_a_transaction_that_fails_or_only_reads_wakes_nothing(wallet_database):
    woken = asyncio.Event()
    wallet_database.wakeups.own(woken, EVERY_SHARE)

    with pytest.raises(ZeroDivisionError):
        await write_and_fail(wallet_database)
    await is_empty(wallet_database)
    assert not woken.is_set()

    await write(wallet_database, a_fact())
    assert woken.is_set()


async def write_and_fail(database):
    async with database.part_for("mira").transaction() as tx:
        await publish(tx, [a_fact()])
        _ = 1 // 0


async def test_a_follower_is_woken_by_other_processes_only(wallet_database, another_instance):
    """What its own process did it has in memory."""
    woken = asyncio.Event()
    wallet_database.wakeups.follow(woken, {"feed"})
    async with exchanging(wallet_database), exchanging(another_instance):
        # The beginning of a session wakes every task, for it may have missed something.
        await asyncio.sleep(0.3)
        woken.clear()
        wallet_database.wakeups.wake({"feed"})
        await asyncio.sleep(0.3)
        assert not woken.is_set()

        another_instance.wakeups.wake({"feed"})
        await wait(woken, 60)
        assert woken.is_set()


async def test_a_session_that_the_server_ends_is_not_waited_for(wallet_database):
    async with exchanging(wallet_database) as session:
        await asyncio.sleep(0.3)
        async with wallet_database.transaction() as tx:
            await tx.execute(END_OTHERS)

        await asyncio.wait([session], timeout=60)
        assert session.done()
        assert session.exception() is not None
