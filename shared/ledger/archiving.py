"""
Old entries move out of the database into an archive: a file for the entries of whole blocks.

The file is written, read back, and its blocks are hashed again: only if all of them are what their
seals say, one transaction records the archive, brings balances forward, and deletes the entries. A
crash before the commit leaves a file that nothing names; afterwards all is done. The seals stay, so
whatever is changed in a file later is found.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from shared.ledger.archive_file import (
    ArchiveDamaged,
    ArchivedRow,
    digest_of,
    json_of,
    read_rows,
    write_file,
)
from shared.ledger.archive_store import ArchiveStore
from shared.ledger.recall import ARCHIVED, ARCHIVES_LOCK
from shared.ledger.sealing import BLOCK_ENTRIES, BLOCK_HASH
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import Statement, text

# A file is read into memory as a whole, and its entries are deleted in one transaction.
ARCHIVE_ENTRIES_MAX = 50_000


class BlockBroken(Exception):
    """The entries of a block are not what its seal says, so none of them is archived."""


class ArchiverBusy(Exception):
    """Another archiver of this ledger is at work."""


@dataclass(frozen=True, slots=True)
class Retention:
    """
    When entries move into an archive, and how long the archive is kept.

    `after_days` is longer than `dispute_days`, the longest time in which somebody can still take a
    payment back: what comes later all the same is read from the archive.
    """

    after_days: int
    dispute_days: int
    keep_years: int

    def __post_init__(self) -> None:
        if self.after_days < self.dispute_days:
            raise ValueError(
                f"after_days is {self.after_days}: payments can be disputed for {self.dispute_days}"
            )
        if not 1 <= self.keep_years <= 100:
            raise ValueError(f"keep_years is {self.keep_years}: books are kept for 1 to 100 years")

    def keep_until(self, last_at: datetime) -> date:
        """Return until when books of a moment are kept: years are counted from its year's end."""
        return date(last_at.year + self.keep_years, 12, 31)


@dataclass(frozen=True, slots=True)
class LedgerArchive:
    """
    What a service adds to the archives of its ledger.

    `waiting` returns a row for a block, by its `users` and `lasts`, whose entries are still needed
    where they are. Each of `brought_forward` sums up what else leaves with an `archive`.
    """

    service: str
    waiting: Statement | None = None
    brought_forward: Sequence[Statement] = field(default=())


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was made."""

    number: int
    first_block: int
    last_block: int
    entries: int
    gifts: int
    file: str
    size_bytes: int
    hash: bytes
    first_at: datetime
    last_at: datetime
    keep_until: date


async def archive_next(
    tx: Transaction,
    store: ArchiveStore,
    ledger: LedgerArchive,
    retention: Retention,
    *,
    now: datetime,
    entries_max: int = ARCHIVE_ENTRIES_MAX,
) -> Archive | None:
    """Move the oldest entries that are old enough into an archive; None if there are none."""
    if not (await tx.execute(_TURN)).scalar_one():
        raise ArchiverBusy(f"another process archives {ledger.service}")
    blocks = await _due(tx, ledger, now - timedelta(days=retention.after_days), entries_max)
    if not blocks:
        return None
    rows = [row for block in blocks for row in await _rows_of(tx, block)]
    archive, content = _file_of(ledger.service, blocks, rows, retention)
    await asyncio.to_thread(store.write, archive.file, content)
    kept = await asyncio.to_thread(store.read, archive.file)
    if digest_of(kept) != archive.hash:
        raise ArchiveDamaged(archive=archive.file, reason="it is not read as it was written")
    await _require_sealed(tx, blocks, kept)
    return await _record(tx, ledger, archive, blocks)


async def _due(
    tx: Transaction, ledger: LedgerArchive, before: datetime, entries_max: int
) -> list[Row]:
    """Return the next blocks that are old enough, as many as make one archive."""
    found: list[Row] = []
    entries = 0
    async for block in tx.stream(_DUE, {"before": before}):
        entries += block.entries
        if found and entries > entries_max:
            break
        about = {"users": block.users, "lasts": block.lasts}
        if ledger.waiting is not None and await tx.execute(ledger.waiting, about):
            break
        found.append(block)
    return found


async def _rows_of(tx: Transaction, block: Row) -> list[ArchivedRow]:
    members = {"users": block.users, "firsts": block.firsts, "lasts": block.lasts}
    return [{**row, "block": block.block} for row in await tx.execute(_ROWS, members)]


def _file_of(
    service: str, blocks: Sequence[Row], rows: list[ArchivedRow], retention: Retention
) -> tuple[Archive, bytes]:
    """Make the file of some blocks; its name holds its month, its blocks and its hash."""
    if not rows:
        raise BlockBroken(f"the entries of block {blocks[0].block} are gone")
    rows.sort(key=lambda row: (row["user_id"], row["number"]))
    first, last = blocks[0].block, blocks[-1].block
    content = write_file(
        rows,
        {
            "service": service,
            "first_block": str(first),
            "last_block": str(last),
            "previous_hash": blocks[0].previous_hash.hex(),
            "hash": blocks[-1].hash.hex(),
        },
    )
    digest = digest_of(content)
    times = [row["recorded_at"] for row in rows]
    first_at, last_at = min(times), max(times)
    name = f"{service}/{first_at:%Y-%m}/{first:012}-{last:012}-{digest.hex()[:16]}.parquet"
    made = Archive(
        number=blocks[0].archive,
        first_block=first,
        last_block=last,
        entries=len(rows),
        gifts=sum(row["gift"] is not None for row in rows),
        file=name,
        size_bytes=len(content),
        hash=digest,
        first_at=first_at,
        last_at=last_at,
        keep_until=retention.keep_until(last_at),
    )
    return made, content


async def _require_sealed(tx: Transaction, blocks: Sequence[Row], content: bytes) -> None:
    """Raise unless the file has exactly the entries of these blocks, as they were sealed."""
    rows = await asyncio.to_thread(lambda: list(read_rows(content)))
    digests = await _block_digests(tx, rows, {each.block: each.previous_hash for each in blocks})
    for block in blocks:
        if digests.get(block.block) != (block.hash, block.entries):
            raise BlockBroken(f"the entries of block {block.block} are not what its seal says")


async def _block_digests(
    tx: Transaction, rows: Sequence[ArchivedRow], previous: dict[int, bytes]
) -> dict[int, tuple[bytes, int]]:
    """Hash each block of a file as it was sealed; return hashes and numbers of entries by block."""
    found = {}
    for block, entries in blocks_of(rows):
        asked = {"archived": entries, "previous": previous.get(block, b"")}
        digest, count = (await tx.execute(_HASH, asked)).one()
        found[block] = (digest, count)
    return found


def blocks_of(rows: Sequence[ArchivedRow]) -> Iterator[tuple[int, str]]:
    """Yield each block of a file, and its entries as JSON for `archived`."""
    for block, members in groupby(sorted(rows, key=_block_of), key=_block_of):
        yield block, json_of(members)


def _block_of(row: ArchivedRow) -> Any:
    return row["block"]


async def _record(
    tx: Transaction, ledger: LedgerArchive, archive: Archive, blocks: Sequence[Row]
) -> Archive:
    """Record the archive, bring forward what it comes to, and delete its entries."""
    values = {name: getattr(archive, name) for name in Archive.__slots__}
    await tx.execute(_ADD, values)
    members = {
        name: [each for block in blocks for each in getattr(block, name)]
        for name in ("users", "firsts", "lasts")
    }
    about = {"archive": archive.number}
    gaps = await tx.execute(_ADD_USERS, {**members, **about})
    if any(not row.follows for row in gaps):
        raise BlockBroken(f"blocks {archive.first_block} to {archive.last_block} leave out numbers")
    for statement in (_ADD_KEYS, _ADD_TOTALS, _BRING_FORWARD, *ledger.brought_forward):
        await tx.execute(statement, about)
    deleted = (await tx.execute(_DELETE, about)).scalar_one()
    if deleted != archive.entries:
        raise BlockBroken(f"{archive.entries} entries were archived, {deleted} are there")
    await tx.execute(_LIGHTEN, {"first": archive.first_block, "last": archive.last_block})
    # Transactions that read archived entries now are waited for, and later ones wait for the commit
    # alone (`hold_archives`): nothing above is visible to them before it.
    await tx.execute(_CLOSE)
    return archive


_TURN = text("""
    SELECT pg_try_advisory_xact_lock(hashtextextended('ledger-archiver ' || current_schema(), 0))
""")
_CLOSE = text(f"SELECT pg_advisory_xact_lock({ARCHIVES_LOCK})")
_DUE = text("""
    SELECT block, entries, hash, previous_hash, users, firsts, lasts, archive
    FROM (
        SELECT coalesce(max(last_block), 0) AS last_block, coalesce(max(number), 0) + 1 AS archive
        FROM archives
    ) AS archived
    JOIN seals ON block > archived.last_block
    WHERE block < coalesce((
        SELECT min(block) FROM seals
        WHERE block > archived.last_block AND sealed_at >= CAST(:before AS timestamptz)
    ), 9223372036854775807)
    ORDER BY block
""")
_ROWS = text(f"""
    SELECT e.number, e.recorded_at, e.user_id, e.gift, e.reference, e.request_hash, e.kind, e.asset,
           e.accounts, e.amounts, e.balances_after, e.assets, e.lots, e.slices,
           e.result::text AS result
    FROM {BLOCK_ENTRIES}
""")  # noqa: S608 - our own text only
_HASH = text(f"SELECT {BLOCK_HASH}, count(*) FROM {ARCHIVED} AS e")  # noqa: S608 - our own text
_ADD = text("""
    INSERT INTO archives (number, first_block, last_block, entries, gifts, file, size_bytes, hash,
                          first_at, last_at, keep_until)
    VALUES (:number, :first_block, :last_block, :entries, :gifts, :file, :size_bytes, :hash,
            :first_at, :last_at, :keep_until)
""")
# A user's numbers have no gaps, so a range says all of them.
_ADD_USERS = text("""
    INSERT INTO archived_users (user_id, archive, first, last, last_at)
    SELECT user_id, CAST(:archive AS bigint), first, last, (
               SELECT recorded_at FROM entries
               WHERE entries.user_id = ranges.user_id AND number = last
           )
    FROM (
        SELECT user_id, min(first) AS first, max(last) AS last
        FROM unnest(
            CAST(:users AS text[]), CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])
        ) AS member (user_id, first, last)
        GROUP BY user_id
    ) AS ranges
    RETURNING first = 1 + coalesce((
        SELECT max(before.last) FROM archived_users AS before
        WHERE before.user_id = archived_users.user_id AND before.archive < archived_users.archive
    ), 0) AS follows
""")
# The entries `e` that leave with an archive.
LEAVING = """
    archived_users AS of_user
    JOIN entries AS e ON e.user_id = of_user.user_id AND e.number BETWEEN first AND last
"""
_LEGS = """
    unnest(string_to_array(e.accounts, ','), e.amounts, e.assets) AS leg (account, amount, asset)
"""
_ADD_KEYS = text(f"""
    INSERT INTO archived_keys (user_id, key, number)
    SELECT e.user_id, reference_key(e.gift, e.reference), e.number
    FROM {LEAVING} WHERE of_user.archive = :archive
""")  # noqa: S608 - our own text only
_ADD_TOTALS = text(f"""
    INSERT INTO archive_totals (archive, account, asset, debit, credit, postings)
    SELECT CAST(:archive AS bigint), leg.account, coalesce(leg.asset, e.asset),
           coalesce(sum(leg.amount) FILTER (WHERE leg.amount > 0), 0)::bigint,
           coalesce(-sum(leg.amount) FILTER (WHERE leg.amount < 0), 0)::bigint, count(*)
    FROM {LEAVING}, {_LEGS} WHERE of_user.archive = :archive
    GROUP BY 2, 3
""")  # noqa: S608 - our own text only
_BRING_FORWARD = text(f"""
    INSERT INTO opening_balances AS known (user_id, kind, account, asset, amount, last_at)
    SELECT e.user_id, e.kind, leg.account, coalesce(leg.asset, e.asset), sum(leg.amount)::bigint,
           max(e.recorded_at)
    FROM {LEAVING}, {_LEGS} WHERE of_user.archive = :archive
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (user_id, kind, account, asset) DO UPDATE
    SET amount = known.amount + excluded.amount, last_at = greatest(known.last_at, excluded.last_at)
""")  # noqa: S608 - our own text only
_DELETE = text("""
    WITH gone AS (
        DELETE FROM entries USING archived_users AS of_user
        WHERE of_user.archive = :archive AND entries.user_id = of_user.user_id
          AND entries.number BETWEEN first AND last
        RETURNING 1
    )
    SELECT count(*) FROM gone
""")
# Which entries a block has is in the file, too.
_LIGHTEN = text("""
    UPDATE seals SET users = '{}', firsts = '{}', lasts = '{}'
    WHERE block BETWEEN :first AND :last
""")
