"""Cutoffs, which begin bank files, and what each part pays in a file."""

from dataclasses import fields
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.bank_batches import BankBatch, Cutoff
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_cutoff = RowMapper(Cutoff, tables.BankCutoff)
_CUTOFF = tuple(field.name for field in fields(Cutoff))
_batch = RowMapper(BankBatch, tables.BankBatch)
_BATCH = tuple(field.name for field in fields(BankBatch))
_ADD_CUTOFF = insert_rows(tables.BankCutoff, *_CUTOFF)
_CUTOFFS = text(f"SELECT {_cutoff.columns} FROM bank_cutoffs ORDER BY ordered_before, file")  # noqa: S608
_REMOVE_CUTOFF = text("DELETE FROM bank_cutoffs WHERE file = :file")
_OLDEST_CUTOFF = text("""
    SELECT coalesce(extract(epoch FROM now() - min(ordered_before)), 0)::float8 AS seconds
    FROM bank_cutoffs
""")
_ADD_BATCH = insert_rows(
    tables.BankBatch, *_BATCH, then="ON CONFLICT (file) DO NOTHING RETURNING file"
)
_FIND_BATCH = text(f"SELECT {_batch.columns} FROM bank_batches WHERE file = :file")  # noqa: S608


async def add_cutoff(tx: Transaction, cutoff: Cutoff) -> None:
    await tx.execute(_ADD_CUTOFF, arrays([cutoff], *_CUTOFF))


async def all_cutoffs(tx: Transaction) -> list[Cutoff]:
    """Return the files that are begun and not there yet, the oldest first."""
    return [_cutoff(row) for row in await tx.execute(_CUTOFFS)]


async def remove_cutoff(tx: Transaction, file: UUID) -> None:
    """End a cutoff: its file is there, or pays nothing."""
    await tx.execute(_REMOVE_CUTOFF, {"file": file})


async def oldest_cutoff_seconds(tx: Transaction) -> float:
    """Return how long ago the file was due that is begun and not there yet; 0 if there is none."""
    return float((await tx.execute(_OLDEST_CUTOFF)).scalar_one())


async def add_batch(tx: Transaction, batch: BankBatch) -> bool:
    """Write what this part pays in a file; False if it wrote so before, which then counts."""
    return bool(await tx.execute(_ADD_BATCH, arrays([batch], *_BATCH)))


async def read_batch(tx: Transaction, file: UUID) -> BankBatch:
    """Return what this part pays in a file; it must be there."""
    return _batch((await tx.execute(_FIND_BATCH, {"file": file})).one())
