"""A commit that waits for a standby is never cancelled: nobody sees what only one server has."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from deploy.config.databases import fetch, run_sql
from deploy.harness.postgres import LocalPostgres
from shared.postgres import commits
from shared.postgres.database import Database, is_unavailable
from shared.postgres.statements import text

WRITE = text("INSERT INTO kept VALUES (1)")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def lonely():
    """A server whose synchronous standby is away: every commit waits."""
    with LocalPostgres(fast=True) as server:
        run_sql(server.dsn(), ["CREATE TABLE kept (id integer)"])
        yield server


@pytest.fixture
def waiting(lonely):
    expect_standby(lonely, "gone")
    yield lonely
    expect_standby(lonely, "")
    run_sql(lonely.dsn(), ["TRUNCATE kept"])


def expect_standby(server, name):
    run_sql(
        server.dsn(),
        [f"ALTER SYSTEM SET synchronous_standby_names = '{name}'", "SELECT pg_reload_conf()"],
    )


@pytest.fixture
async def database(waiting):
    opened = Database(waiting.dsn())
    yield opened
    await opened.close()


async def write(database):
    async with database.transaction() as tx:
        await tx.execute(WRITE)


async def until_it_waits(server, sessions=1):
    async with asyncio.timeout(60):
        while await asyncio.to_thread(fetch, server.dsn(), WAITING) != [(sessions,)]:
            await asyncio.sleep(0.05)


def rows(server):
    return [row["id"] for row in fetch(server.dsn(), "SELECT id FROM kept")]


async def test_a_task_that_is_cancelled_leaves_its_commit_waiting(waiting, database):
    task = asyncio.create_task(write(database))
    await until_it_waits(waiting)

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.5)

    await until_it_waits(waiting)
    assert rows(waiting) == []
    expect_standby(waiting, "")
    async with asyncio.timeout(60):
        while rows(waiting) != [1]:
            await asyncio.sleep(0.05)


async def test_a_commit_that_takes_too_long_is_left_and_its_outcome_is_unknown(
    waiting, database, monkeypatch
):
    monkeypatch.setattr(commits, "COMMIT_SECONDS_MAX", 0.5)

    with pytest.raises(TimeoutError) as raised:
        await write(database)

    assert is_unavailable(raised.value)
    await until_it_waits(waiting)
    assert rows(waiting) == []


async def never_answered(database):
    async with database.transaction() as tx:
        tx.seconds_max = 0.2
        await tx.execute(text("SELECT pg_sleep(60)"))


async def test_a_statement_without_an_answer_ends_its_session_and_not_the_pool(waiting, database):
    expect_standby(waiting, "")
    with pytest.raises(TimeoutError):
        await never_answered(database)

    await write(database)
    assert rows(waiting) == [1]


async def test_an_error_rolls_back_and_keeps_the_session(waiting, database):
    expect_standby(waiting, "")
    sessions = set()

    async def fail():
        async with database.transaction() as tx:
            await tx.execute(WRITE)
            sessions.add((await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one())
            await tx.execute(text("SELECT 1 / 0"))

    for _ in range(2):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail()

    assert len(sessions) == 1
    assert rows(waiting) == []
