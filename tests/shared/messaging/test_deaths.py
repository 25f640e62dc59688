"""kill -9 between commit and publication, and between publication and deletion."""

import asyncio
import os
import subprocess
import sys

import pytest

from shared.messaging.outbox import publish
from shared.messaging.relay import LOOK_SECONDS, Relay
from shared.postgres.statements import text
from tests.shared.messaging.conftest import a_fact, eventually, is_empty, outbox_size
from tests.shared.messaging.mortal import READY

HOURS = 5 * 3_600.0
CLAIMING = text("""
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%'
      AND pid <> pg_backend_pid()
""")


@pytest.fixture
def mortal(wallet_database, broker_of):
    """Start an instance that owns all parts, writes one fact when told to, and dies of it."""
    broker, started = broker_of("wallet"), []

    def start(after):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.shared.messaging.mortal", after],
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
        started.append(process)
        assert process.stdout.readline().strip() == READY
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("look_seconds", [LOOK_SECONDS, HOURS])
@pytest.mark.parametrize("after", ["commit", "publication"])
async def test_what_an_instance_committed_before_it_was_killed_is_applied_once(
    wallet_database, broker_of, running, consume, heard, mortal, after, look_seconds
):
    """The survivor gets the parts, and with them every row that waits; it need not look again."""
    killed = await asyncio.to_thread(mortal, after)
    running(Relay(wallet_database, broker_of("wallet"), look_seconds=look_seconds))
    consume()

    async def is_claiming():
        async with wallet_database.transaction() as tx:
            return bool(await tx.execute(CLAIMING))

    await eventually(is_claiming)
    await asyncio.to_thread(killed.communicate, "write\n")

    assert killed.returncode == -9
    await eventually(lambda: is_empty(wallet_database))
    last = a_fact(2)
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
    killed = await asyncio.to_thread(mortal, "commit")

    await asyncio.to_thread(killed.communicate, "write\n")

    assert await outbox_size(wallet_database) == 1
