"""Bank files and reports, encrypted, and the keys that encrypted them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.bank_files import BankFile, StoredReport
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import Statement, text

_file = RowMapper(BankFile, tables.BankFile)
_FILE = tuple(field.name for field in fields(BankFile))
_report = RowMapper(StoredReport, tables.BankReport)
_REPORT = tuple(field.name for field in fields(StoredReport))
_ADD = insert_rows(tables.BankFile, *_FILE, then="ON CONFLICT (id) DO NOTHING RETURNING id")
_FIND = text(f"SELECT {_file.columns} FROM bank_files WHERE id = :id")  # noqa: S608
_NEWEST = text("""
    SELECT id, payments, amount_minor, currency, made_at, made_by
    FROM bank_files
    WHERE CAST(:at AS timestamptz) IS NULL
       OR (made_at, id) < (CAST(:at AS timestamptz), CAST(:file AS uuid))
    ORDER BY made_at DESC, id DESC
    LIMIT :limit
""")
_ADD_REPORT = insert_rows(
    tables.BankReport, *_REPORT, then="ON CONFLICT (id) DO NOTHING RETURNING id"
)
_LOCK_REPORT = text(f"""
    SELECT {_report.columns} FROM bank_reports WHERE id = :id FOR UPDATE
""")  # noqa: S608 - our own text only
_APPLIED = ("statuses", "contradictions", "confirmed_by", "applied_at")
_SAVE_APPLIED = update_rows(tables.BankReport, ("id",), _APPLIED)
_OLDEST_WAITING = text("""
    SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS seconds
    FROM bank_reports WHERE applied_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file in a list."""

    id: UUID
    payments: int
    amount_minor: int
    currency: str
    made_at: datetime
    made_by: str


_line = RowMapper(FileLine)


async def add(tx: Transaction, file: BankFile) -> bool:
    """Store a file; False if it is here already: the first one counts."""
    return bool(await tx.execute(_ADD, arrays([file], *_FILE)))


async def find(tx: Transaction, file: UUID) -> BankFile | None:
    row = (await tx.execute(_FIND, {"id": file})).first()
    return _file(row) if row else None


async def newest(
    tx: Transaction, limit: int, *, before: tuple[datetime, UUID] | None
) -> list[FileLine]:
    """Return files without their content, the newest first."""
    at, file = before or (None, None)
    rows = await tx.execute(_NEWEST, {"at": at, "file": file, "limit": limit})
    return [_line(row) for row in rows]


async def add_report(tx: Transaction, report: StoredReport) -> bool:
    """Store a report; False if it is here already."""
    return bool(await tx.execute(_ADD_REPORT, arrays([report], *_REPORT)))


async def lock_report(tx: Transaction, report: UUID) -> StoredReport:
    """Lock and return a report that is here: of two who bring it, the second one waits."""
    return _report((await tx.execute(_LOCK_REPORT, {"id": report})).one())


async def save_applied(tx: Transaction, report: StoredReport) -> None:
    """Write that a report counts from now on."""
    await tx.execute(_SAVE_APPLIED, arrays([report], "id", *_APPLIED))


async def oldest_waiting_report_seconds(tx: Transaction) -> float:
    """Return how long the oldest report has waited for a colleague, 0 if none waits."""
    return float((await tx.execute(_OLDEST_WAITING)).scalar_one())


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Something encrypted, and the columns that tell its row from others."""

    key: tuple[object, ...]
    encrypted: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A table of encrypted rows."""

    columns: tuple[str, ...]
    read: Statement
    save: Statement


def _place(name: str, table: object, *columns: str) -> Place:
    listed = ", ".join(columns)
    return Place(
        columns,
        text(f"""
            SELECT {listed}, encrypted FROM {name}
            WHERE key_id = ANY(CAST(:key_ids AS text[]))
            LIMIT :limit FOR UPDATE SKIP LOCKED
        """),  # noqa: S608 - our own text only
        update_rows(table, columns, ("key_id", "encrypted")),  # type: ignore[arg-type]
    )


# Everything of bank files that is encrypted: in the parts of creators, and in reference.
OF_CREATORS = (
    _place("bank_accounts", tables.BankAccount, "creator", "token"),
    _place("bank_batches", tables.BankBatch, "file"),
)
OF_ALL_CREATORS = (
    _place("bank_files", tables.BankFile, "id"),
    _place("bank_reports", tables.BankReport, "id"),
)


async def of_keys(
    tx: Transaction, place: Place, key_ids: Sequence[str], *, limit: int
) -> list[Encrypted]:
    """Lock some rows of a table that were encrypted with these keys."""
    rows = await tx.execute(place.read, {"key_ids": list(key_ids), "limit": limit})
    return [Encrypted(tuple(row[each] for each in place.columns), row.encrypted) for row in rows]


async def replace_encrypted(
    tx: Transaction, place: Place, rows: Sequence[Encrypted], *, key_ids: Sequence[str]
) -> None:
    """Write what was encrypted again; the rows are locked."""
    values: dict[str, list[object]] = {
        name: [row.key[number] for row in rows] for number, name in enumerate(place.columns)
    }
    values |= {"key_id": list(key_ids), "encrypted": [row.encrypted for row in rows]}
    await tx.execute(place.save, values)
