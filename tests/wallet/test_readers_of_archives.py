"""Who reads what moves into an archive waits for its commit, and for nothing before that."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from services.wallet.store.archives import ARCHIVE
from shared.ledger.recall import hold_archives
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.wallet.conftest import a_gift_requested
from tests.wallet.test_archives import archives, batches, pages, story
from tests.wallet.test_purchase_events import disputed

__all__ = ["archives", "batches", "story"]

# Held by the test: whoever asks for it waits until the test lets go.
GATE = 4_711
PATIENT = text("SET LOCAL lock_timeout = 0")
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
AT_THE_GATE = text(f"SELECT pg_advisory_xact_lock({GATE})")
HISTORY = "/v1/wallets/me/movements"


@pytest.fixture
async def watcher(postgres, database):
    connection = await asyncpg.connect(postgres.dsn(database.name))
    yield connection
    await connection.close()


def and_then(*statements):
    """The wallet's ledger, with more to do before an archive is committed."""
    return replace(ARCHIVE, brought_forward=(*ARCHIVE.brought_forward, *statements))


async def until_it_waits(watcher, archiving):
    while await watcher.fetchval(WAITING) == 0:
        assert not archiving.done(), "nothing held it up"
        await asyncio.sleep(0.01)


async def test_while_an_archive_is_recorded_everything_else_goes_on(
    archives, story, hear, app, database, watcher
):
    """The archiver has deleted the entries and has not committed."""
    paid, gifts = story
    before = await pages(app, HISTORY)
    await watcher.execute(f"SELECT pg_advisory_lock({GATE})")
    archiving = asyncio.create_task(archives.archive(ledger=and_then(PATIENT, AT_THE_GATE)))
    await until_it_waits(watcher, archiving)

    assert await pages(app, HISTORY) == before
    reversals = len(await announced(database, "wallet.lot_reversed"))
    await hear(gifts[0], a_gift_requested(coins=1))
    await hear(disputed(paid, dispute="late"))

    assert len(await announced(database, "wallet.lot_reversed")) == reversals + 1
    assert not archiving.done()
    await watcher.execute(f"SELECT pg_advisory_unlock({GATE})")
    assert len(await archiving) == 1
    assert await archives.violations() == []


async def test_an_archive_waits_for_those_who_read_what_it_has(archives, story, database, watcher):
    part = database.part_for("mira")
    async with part.transaction() as tx:
        await hold_archives(tx)
        archiving = asyncio.create_task(archives.archive(ledger=and_then(PATIENT)))
        await until_it_waits(watcher, archiving)

        assert (await tx.execute(text("SELECT count(*) FROM archives"))).scalar_one() == 0
        assert (await tx.execute(text("SELECT count(*) FROM entries"))).scalar_one() > 0

    assert await archiving != []
    assert await archives.violations() == []
