"""An instance is killed or paused between commit, publication and deletion; another takes over."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.messaging.outbox import SHARES, publish
from shared.messaging.relay import LOOK_SECONDS, Relay
from shared.postgres.statements import text
from tests.metrics import metric
from tests.shared.messaging.conftest import a_fact, is_empty, outbox_size
from tests.shared.messaging.waiting import eventually

HOURS = 5 * 3_600.0
# The sessions of this test's own database; others are at the same server.
MEMBERS = """
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE classid = 7002 AND datname = current_database()
"""


class Mortal:
    """An instance that fails at one point, as its parent sees it."""

    def __init__(self, process):
        self.process = process
        self.viewer = ""

    @property
    def pid(self):
        return self.process.pid

    async def says(self, *words):
        """Wait until it says a line; return the words behind these."""
        while True:
            line = (await asyncio.to_thread(self.process.stdout.readline)).split()
            assert line, "it ended"
            if line[: len(words)] == list(words):
                return line[len(words) :]

    async def has(self, count):
        """Wait until it publishes so many shares."""
        while len(await self.says("shares")) != count:
            pass

    async def write(self):
        """Let it write one fact, of a viewer whose share it has."""
        self.process.stdin.write("write\n")
        self.process.stdin.flush()
        (self.viewer,) = await self.says("viewer")

    async def stopped(self):
        """Wait until it has stopped itself."""
        status = Path(f"/proc/{self.pid}/status")

        async def is_stopped():
            return "State:\tT" in await asyncio.to_thread(status.read_text)

        await eventually(is_stopped)


@pytest.fixture
def mortal(wallet_database, broker_of):
    """Start an instance that has all shares, and fails at one point of writing."""
    broker, started = broker_of("wallet"), []

    def launch(point):
        return subprocess.Popen(
            [sys.executable, "-m", "tests.shared.messaging.mortal", point],
            env={
                **os.environ,
                "MORTAL_DATABASE": wallet_database.url,
                "MORTAL_BROKER": broker.url,
                "MORTAL_PASSWORD": broker.password,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def start(point):
        process = launch(point)
        started.append(process)
        mortal = Mortal(process)
        await mortal.has(SHARES)
        return mortal

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def survivor(wallet_database, broker_of, running):
    """Start a second instance, here; return when both have half of the shares."""

    async def start(mortal, *, look_seconds=LOOK_SECONDS):
        running(Relay(wallet_database, broker_of("wallet"), look_seconds=look_seconds))
        await mortal.has(SHARES // 2)
        await eventually(lambda: has_here(SHARES // 2))

    return start


async def has_here(count):
    """Whether the relay of this process publishes so many shares."""
    return sum(metric("ovation_relay_leader", share=str(n)) for n in range(SHARES)) == count


@pytest.mark.parametrize("look_seconds", [LOOK_SECONDS, HOURS])
@pytest.mark.parametrize("point", ["commit", "publication"])
async def test_what_an_instance_committed_before_it_was_killed_is_applied_once(
    wallet_database, survivor, consume, heard, mortal, point, look_seconds
):
    """The survivor gets the shares, and with them every row that waits; it need not look again."""
    killed = await mortal(point)
    await survivor(killed, look_seconds=look_seconds)
    consume()
    await killed.write()
    await asyncio.to_thread(killed.process.wait)

    assert killed.process.returncode == -9
    await eventually(lambda: is_empty(wallet_database))
    assert await has_here(SHARES)
    last = a_fact(2, viewer=killed.viewer)
    async with wallet_database.transaction() as tx:
        await publish(tx, [last])

    async def arrived():
        return last.event.id in [envelope.id for envelope in heard]

    await eventually(arrived)
    # One viewer's facts keep their order: what was published a second time is behind us.
    assert [int(envelope.sequence) for envelope in heard] == [1, 2]
    await eventually(lambda: is_empty(wallet_database))


async def test_the_rows_of_an_instance_that_was_killed_wait_for_another(wallet_database, mortal):
    """Nothing but the outbox remembers them."""
    killed = await mortal("commit")
    await killed.write()
    await asyncio.to_thread(killed.process.wait)

    assert await outbox_size(wallet_database) == 1


async def test_an_instance_that_was_paused_publishes_nothing_of_the_shares_it_lost(
    wallet_database, survivor, messages_in, as_operator, mortal
):
    """It stops with a row in its hands, and goes on when another has published it."""
    paused = await mortal("pause")
    await survivor(paused)
    await paused.write()
    await paused.stopped()

    await eventually(lambda: has_here(SHARES))
    await eventually(lambda: is_empty(wallet_database))
    os.kill(paused.pid, signal.SIGCONT)
    await paused.has(SHARES // 2)

    (message,) = await messages_in("gift.outcomes", 1)
    assert message.headers["cloudEvents_partitionkey"] == paused.viewer
    async with as_operator() as channel:
        assert await (await channel.get_queue("gift.outcomes")).get(fail=False) is None


async def test_an_instance_that_was_paused_is_counted_as_dead_until_it_goes_on(
    wallet_database, survivor, mortal
):
    """PostgreSQL ends its silent session, and with it the membership."""
    paused = await mortal("commit")
    await survivor(paused)
    os.kill(paused.pid, signal.SIGSTOP)

    await eventually(lambda: has_here(SHARES))
    async with wallet_database.transaction() as tx:
        members = await tx.execute(text(MEMBERS))
    assert len(members) == 1
    os.kill(paused.pid, signal.SIGCONT)
    await paused.has(SHARES // 2)
