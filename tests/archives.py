"""Archives of a ledger, in a test's words: seal everything, move it out, look at what is left."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from shared.ledger.archive_store import VARIABLE, FolderStore
from shared.ledger.archive_verification import broken_archives
from shared.ledger.archiving import ARCHIVE_ENTRIES_MAX, Retention, archive_next
from shared.ledger.sealing import broken_seals, seal
from shared.ledger.verification import Violation, verify_ledger
from shared.postgres.database import Database
from shared.postgres.statements import text

RETENTION = Retention(after_days=550, dispute_days=540, keep_years=10)


def much_later():
    """When everything that happens in a test is long ago."""
    return datetime.now(UTC) + timedelta(days=600)


class Archives:
    """The archives of one service's ledger, in a folder of the test's own."""

    def __init__(self, database, archiver, ledger, invariants, folder):
        self.database, self.archiver, self.folder = database, archiver, folder
        self._ledger, self._invariants = ledger, invariants

    async def seal(self):
        """Seal all that was decided."""
        for part in self.database.parts:
            block = True
            while block:
                async with part.transaction() as tx:
                    block = await seal(tx)

    async def archive(self, *, now=None, entries_max=ARCHIVE_ENTRIES_MAX, store=None, ledger=None):
        """Seal everything, and move all that is old enough into archives; return those."""
        await self.seal()
        made = []
        for part in self.archiver.parts:
            one = True
            while one:
                async with part.transaction() as tx:
                    one = await archive_next(
                        tx,
                        store or FolderStore(self.folder),
                        ledger or self._ledger,
                        RETENTION,
                        now=now or much_later(),
                        entries_max=entries_max,
                    )
                if one:
                    made.append(one)
        return made

    async def violations(self):
        """All that is wrong with the books, the seals and the archives."""
        found = []
        for part in self.database.parts:
            async with part.snapshot() as tx:
                found += [each async for each in verify_ledger(tx, self._invariants)]
                found += [each async for each in broken_seals(tx)]
                found += [each async for each in broken_archives(tx)]
        return [each for each in found if isinstance(each, Violation)]

    async def counts(self):
        """How many entries are in the table, and how many were archived."""
        async with self.database.snapshot() as tx:
            row = (await tx.execute(_COUNTS)).one()
        return row.in_table, row.in_archives

    def files(self):
        return sorted(self.folder.rglob("*.parquet"))


_COUNTS = text("""
    SELECT (SELECT count(*) FROM entries) AS in_table,
           (SELECT coalesce(sum(entries), 0)::bigint FROM archives) AS in_archives
""")


@asynccontextmanager
async def archives_of(service, database, postgres, credentials, monkeypatch, folder, about):
    """Archives of a service whose database a test has; `about` are its ledger and invariants."""
    monkeypatch.setenv(VARIABLE, str(folder))
    role = f"{service}_archiver"
    url = postgres.dsn(database.name, user=role, password=credentials.database[role])
    archiver = Database(url, pool_size=2, part_count=database.part_count)
    yield Archives(database, archiver, *about, folder)
    await archiver.close()
