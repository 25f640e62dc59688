"""
From BEGIN to COMMIT on one session; a commit is never cancelled.

With synchronous replication COMMIT waits until a standby has the transaction. PostgreSQL ends
this wait when the statement is cancelled, and shows the transaction to all, although only this
server has it: its events are published, and a failover then forgets it. asyncpg cancels a statement
when its time is up and when its task is cancelled. So a commit without an answer is left alone: our
end of the session is closed, and the server's end goes on waiting.
https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# A server ends a statement after 30 s by itself, so one that is silent for longer is gone.
ANSWER_SECONDS_MAX = 35
# Less than the driver waits, or it would cancel the commit.
COMMIT_SECONDS_MAX = 30
# The server does not answer, or its answer is out of place, or it takes no writes any more.
_LOST = (TimeoutError, asyncpg.InternalClientError, asyncpg.ReadOnlySQLTransactionError)


@asynccontextmanager
async def committing(connection: asyncpg.Connection, begin: str = "BEGIN") -> AsyncIterator[None]:
    """
    Commit on the way out, roll back on the way up; leave a session whose server is lost.

    `begin` may set more than it begins, in one round trip.
    """
    await connection.execute(begin)
    try:
        yield
    except _LOST:
        connection.terminate()
        raise
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    commit = asyncio.create_task(connection.execute("COMMIT"))
    try:
        await asyncio.wait({commit}, timeout=COMMIT_SECONDS_MAX)
    finally:
        if not commit.done():
            connection.terminate()
            commit.add_done_callback(_forget)
    if not commit.done():
        raise TimeoutError(f"COMMIT was not answered within {COMMIT_SECONDS_MAX} s")
    commit.result()


def _forget(commit: "asyncio.Task[str]") -> None:
    """Take the error of a commit that nothing waits for any more."""
    if not commit.cancelled():
        commit.exception()
