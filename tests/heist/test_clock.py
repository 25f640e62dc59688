"""The clock of a running system: programs and databases are as far ahead as it says."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from deploy.config.databases import quoted, run_sql
from tests.heist import database_clock
from tests.heist.clock import Clock

MINUTE = timedelta(minutes=1)
DAYS = timedelta(days=40)
# Says the time in each way that programs ask for it, whenever a line comes.
PROGRAM = """
import sys, time
from datetime import UTC, datetime
for _ in sys.stdin:
    print(datetime.now(UTC).timestamp(), time.time(), time.time_ns() / 1e9, flush=True)
"""


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def dsn(postgres):
    """A database with a clock, and what a migration makes in it."""
    name = f"clock_{uuid4().hex}"
    run_sql(postgres.dsn(), [f"CREATE DATABASE {quoted(name)} TEMPLATE template0"])
    database_clock.install(postgres.dsn(name))
    run_sql(
        postgres.dsn(name),
        ["CREATE TABLE facts (n int, at timestamptz NOT NULL DEFAULT now())"],
    )
    yield postgres.dsn(name)
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} (FORCE)"])


@pytest.fixture
async def session(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()


@pytest.fixture
async def other_session(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()


def test_a_program_sees_a_jump_at_once(clock, tmp_path):
    (tmp_path / "asked_for_the_time.py").write_text(PROGRAM)
    path = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.heist.clocked", "asked_for_the_time"],
        env={**os.environ, **clock.environment, "PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def says():
        program.stdin.write("\n")
        program.stdin.flush()
        return [float(each) for each in program.stdout.readline().split()]

    with program:
        try:
            before = says()
            clock.jump(DAYS)
            after = says()
        finally:
            program.stdin.close()

    passed = [timedelta(seconds=b - a) for a, b in zip(before, after, strict=True)]
    assert len(passed) == 3
    assert all(DAYS <= each < DAYS + MINUTE for each in passed)


async def test_statements_and_defaults_of_columns_see_a_jump_at_once(clock, session, other_session):
    clock.jump(DAYS)
    await database_clock.set_ahead([session], clock.ahead)

    await other_session.execute("INSERT INTO facts VALUES (1)")
    asked = await other_session.fetchrow("SELECT now(), clock_timestamp(), max(at) FROM facts")
    assert all(DAYS - MINUTE < each - datetime.now(UTC) < DAYS + MINUTE for each in asked)


async def test_after_a_jump_a_statement_still_gives_up_waiting_for_a_lock(
    clock, session, other_session
):
    clock.jump(DAYS)
    await database_clock.set_ahead([session], clock.ahead)
    await other_session.execute("SET lock_timeout = '100ms'")

    async with asyncio.timeout(60), session.transaction():
        await session.execute("LOCK TABLE facts")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await other_session.execute("SELECT * FROM facts")


async def test_after_a_jump_a_deadlock_is_still_found(clock, session, other_session):
    clock.jump(DAYS)
    await database_clock.set_ahead([session], clock.ahead)

    async with asyncio.timeout(60):
        await session.execute("BEGIN; SELECT pg_advisory_xact_lock(1)")
        await other_session.execute("BEGIN; SELECT pg_advisory_xact_lock(2)")
        ends = await asyncio.gather(
            session.execute("SELECT pg_advisory_xact_lock(2)"),
            other_session.execute("SELECT pg_advisory_xact_lock(1)"),
            return_exceptions=True,
        )

    assert [type(each) for each in ends].count(asyncpg.DeadlockDetectedError) == 1
