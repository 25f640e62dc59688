"""Archives of ledgers: old entries move out of the database, and what has left is verified."""

import tomllib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from itertools import chain
from pathlib import Path

from deploy.config.databases import archiver_of
from deploy.config.services import SEALED
from deploy.ctl.installation import Installation
from shared.ledger.archive_store import open_store
from shared.ledger.archiving import Archive, LedgerArchive, Retention, archive_next
from shared.postgres.database import Part, Transaction
from shared.postgres.statements import text

ARCHIVES: Mapping[str, LedgerArchive] = {
    name: import_module(f"services.{name}.store.archives").ARCHIVE for name in SEALED
}


def read_retention(path: Path) -> Retention:
    """Read when entries are archived and how long archives are kept; raise ValueError if wrong."""
    return Retention(**tomllib.loads(path.read_text(encoding="utf-8"))["archive"])


async def run_archiver(
    installation: Installation, service: str, retention: Retention, *, archives_max: int
) -> AsyncIterator[Archive]:
    """Move what is old enough into archives, each in a transaction of its own; yield each."""
    left = archives_max
    async with installation.opened(service, archiver_of(service)) as database:
        for part in database.parts:
            async for made in _archive_part(part, service, retention, archives_max=left):
                left -= 1
                yield made


async def _archive_part(
    part: Part, service: str, retention: Retention, *, archives_max: int
) -> AsyncIterator[Archive]:
    store = open_store()
    for _ in range(archives_max):
        async with part.transaction() as tx:
            made = await archive_next(
                tx, store, ARCHIVES[service], retention, now=datetime.now(UTC)
            )
        if made is None:
            return
        yield made


async def list_archives(installation: Installation, service: str) -> list[dict[str, object]]:
    """Return the archives of a ledger, part by part, the oldest first."""

    async def read(tx: Transaction) -> list[dict[str, object]]:
        return [{"part": tx.part, **row} for row in await tx.execute(_LIST)]

    async with installation.opened(service) as database:
        return list(chain.from_iterable(await database.read_each(read)))


_LIST = text("""
    SELECT number, file, first_block, last_block, entries, size_bytes, first_at, last_at, keep_until
    FROM archives ORDER BY number
""")
