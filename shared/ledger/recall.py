"""
Entries that are in an archive, read back for what still needs one.

A repeated request gets its old answer, a late dispute finds the gifts it takes back, people read
their history. Rows become a parameter (`ENTRIES`, `ARCHIVED`) of the statement that needs them, so
the rules stand once. The hash of a file is checked whenever it is read: what was changed is never
acted on.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.ledger.archive_file import (
    ROW_GROUP_ENTRIES,
    ArchiveDamaged,
    ArchivedRow,
    digest_of,
    json_of,
    read_rows,
)
from shared.ledger.archive_store import open_store
from shared.ledger.entries import Entry
from shared.postgres.database import Transaction
from shared.postgres.statements import Statement, text

NOTHING = "[]"
# No decision has a greater number.
LAST = 2**63 - 1
# Entries out of an archive, as rows of the type of the table.
ARCHIVED = """
    jsonb_populate_recordset(CAST(NULL AS entries), CAST(CAST(:archived AS text) AS jsonb))
"""
# All entries of somebody: those in the table, and those that were recalled.
ENTRIES = f"(SELECT * FROM entries UNION ALL SELECT * FROM {ARCHIVED})"  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """Which decisions of a user are in which file."""

    user: str
    first: int
    last: int
    file: str
    hash: bytes


async def hold_archives(tx: Transaction) -> None:
    """Let no entry move into an archive until this transaction ends; others may hold it too."""
    await tx.execute(_HOLD)


async def recall(tx: Transaction, user: str, *, first: int = 1, last: int | None = None) -> str:
    """
    Read a user's decisions from number to number out of the archives, as JSON for `archived`.

    Hold the archives first, or read in a snapshot: an entry could move in between.
    """
    parts = await _parts(tx, user, first, last)
    return json_of(await asyncio.to_thread(_rows_of, parts)) if parts else NOTHING


async def recall_newest_first(
    tx: Transaction, user: str, *, before: int | None
) -> AsyncIterator[tuple[str, str]]:
    """Yield each file with a user's decisions before a number, and those in it as JSON."""
    last = None if before is None else before - 1
    for part in reversed(await _parts(tx, user, 1, last)):
        yield part.file, json_of(await asyncio.to_thread(_rows_of, [part]))


async def recall_oldest_first(tx: Transaction, user: str) -> AsyncIterator[str]:
    """Yield all decisions of a user that are in archives, file by file, as JSON."""
    for part in await _parts(tx, user, 1, None):
        yield json_of(await asyncio.to_thread(_rows_of, [part]))


async def _parts(tx: Transaction, user: str, first: int, last: int | None) -> list[ArchivePart]:
    """Return where a user's decisions from number to number are, the oldest first."""
    end = LAST if last is None else last
    return [
        ArchivePart(user, max(first, row.first), min(end, row.last), row.file, row.hash)
        for row in await tx.execute(_PARTS, {"user": user, "first": first, "last": end})
    ]


async def recall_decisions(
    tx: Transaction, numbers: Sequence[tuple[str, int]]
) -> Mapping[tuple[str, str], Entry]:
    """Read decisions by users and numbers, and return them by user and reference."""
    await hold_archives(tx)
    asked = {"users": [user for user, _ in numbers], "numbers": [each for _, each in numbers]}
    parts = [
        ArchivePart(row.user_id, row.number, row.number, row.file, row.hash)
        for row in await tx.execute(_PARTS_OF, asked)
    ]
    found = await asyncio.to_thread(_rows_of, parts)
    return {
        (row.user_id, row.reference): Entry(
            row.number, row.reference, row.request_hash, row.kind, result=row.outcome
        )
        for row in await tx.execute(_DECISIONS, {"archived": json_of(found)})
    }


def joined(recalled: Iterable[str]) -> str:
    """Return several of what was recalled as one."""
    return f"[{','.join(each[1:-1] for each in recalled if each != NOTHING)}]"


async def archived_between(tx: Transaction, since: datetime, until: datetime) -> AsyncIterator[str]:
    """
    Yield the entries of all archives that have some of this time, as JSON, some thousand at once.

    Others come with them: the statement that reads them compares the time.
    """
    async for archived in _read_files(tx, _BETWEEN, {"since": since, "until": until}):
        yield archived


async def archived_around(tx: Transaction, moment: datetime) -> AsyncIterator[str]:
    """Yield the entries of archives that have some before a moment, and some after it, as JSON."""
    async for archived in _read_files(tx, _AROUND, {"moment": moment}):
        yield archived


async def _read_files(
    tx: Transaction, statement: Statement, asked: Mapping[str, object]
) -> AsyncIterator[str]:
    for row in await tx.execute(statement, asked):
        rows = read_rows(await asyncio.to_thread(read_file, row.file, row.hash))
        while some := list(islice(rows, ROW_GROUP_ENTRIES)):
            yield json_of(some)


def read_file(name: str, expected: bytes) -> bytes:
    """Return a file that is as it was written, or raise."""
    content = open_store().read(name)
    if digest_of(content) != expected:
        raise ArchiveDamaged(archive=name, reason="its hash is not the one that was kept")
    return content


def _rows_of(parts: Sequence[ArchivePart]) -> list[ArchivedRow]:
    """Read parts of files, each file once."""
    of_files: dict[tuple[str, bytes], dict[str, list[ArchivePart]]] = {}
    for part in parts:
        of_files.setdefault((part.file, part.hash), {}).setdefault(part.user, []).append(part)
    return [
        row
        for (name, digest), of_users in of_files.items()
        for row in read_rows(read_file(name, digest), of_users.keys())
        if any(part.first <= row["number"] <= part.last for part in of_users[row["user_id"]])
    ]


# Of this part's archives.
ARCHIVES_LOCK = "hashtextextended('ledger-archive ' || current_schema(), 0)"
_HOLD = text(f"SELECT pg_advisory_xact_lock_shared({ARCHIVES_LOCK})")
_PARTS = text("""
    SELECT first, last, file, hash
    FROM archived_users JOIN archives ON archives.number = archived_users.archive
    WHERE user_id = :user AND last >= :first AND first <= :last
    ORDER BY first
""")
_PARTS_OF = text("""
    SELECT asked.user_id, asked.number, file, hash
    FROM unnest(CAST(:users AS text[]), CAST(:numbers AS bigint[])) AS asked (user_id, number),
        LATERAL (
            SELECT archive FROM archived_users AS of_user
            WHERE of_user.user_id = asked.user_id AND asked.number BETWEEN first AND last OFFSET 0
        ) AS found
        JOIN archives ON archives.number = found.archive
""")
_DECISIONS = text(f"""
    SELECT e.user_id, e.number, coalesce(e.reference, 'gift:' || e.gift) AS reference,
           e.request_hash, e.kind, outcome_of(e)::text AS outcome
    FROM {ARCHIVED} AS e
""")  # noqa: S608 - our own text only
_BETWEEN = text("""
    SELECT file, hash FROM archives
    WHERE last_at >= CAST(:since AS timestamptz) AND first_at < CAST(:until AS timestamptz)
    ORDER BY number
""")
_AROUND = text("""
    SELECT file, hash FROM archives
    WHERE last_at >= CAST(:moment AS timestamptz) AND first_at < CAST(:moment AS timestamptz)
    ORDER BY number
""")
