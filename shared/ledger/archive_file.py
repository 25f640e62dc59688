"""
An archive as a file: Parquet, a row an entry, in the order of users and their decisions.

https://parquet.apache.org/docs/file-format/: any analysis tool reads it. Column by column it is
what the table `entries` has, and the block of each entry. Rows go back to PostgreSQL as JSON, which
`jsonb_populate_recordset` makes entries of again: nothing is computed from a file without it.
"""

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from shared.ledger.archive_store import ArchiveUnavailable

# Small, so that the entries of one user are read without all others.
ROW_GROUP_ENTRIES = 5_000
# By the names of the columns of `entries`, and `block`.
ArchivedRow: TypeAlias = Mapping[str, Any]


class ArchiveDamaged(ArchiveUnavailable):
    """An archive of the ledger is not what was written; nothing was done."""


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def write_file(rows: Sequence[ArchivedRow], facts: Mapping[str, str]) -> bytes:
    """Return rows, in the order of users and numbers, as a file; `facts` say what it is."""
    import pyarrow as pa  # noqa: PLC0415 - 40 MB, which only a process that archives pays for
    from pyarrow import parquet  # noqa: PLC0415

    table = pa.Table.from_pylist([_plain(row) for row in rows], schema=_schema(facts))
    written = io.BytesIO()
    parquet.write_table(
        table, written, compression="zstd", row_group_size=ROW_GROUP_ENTRIES, version="2.6"
    )
    return written.getvalue()


def read_rows(content: bytes, users: Collection[str] | None = None) -> Iterator[ArchivedRow]:
    """Yield the rows of a file, or those of some users, in their order."""
    import pyarrow as pa  # noqa: PLC0415 - 40 MB, which only a process that archives pays for
    from pyarrow import compute, parquet  # noqa: PLC0415

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        for group in range(file.num_row_groups):
            if users is not None and not _may_have(file, group, users):
                continue
            found = file.read_row_group(group)
            if users is not None:
                found = found.filter(compute.field("user_id").isin(list(users)))
            yield from map(_restored, found.to_pylist())
    except pa.ArrowException as error:
        raise ArchiveDamaged(reason=str(error)) from error


def json_of(rows: Iterable[ArchivedRow]) -> str:
    """
    Write rows as PostgreSQL reads them into its type `entries`.

    A result is put in as the text it was: a reader in between could round a number.
    """
    return f"[{','.join(map(_json, rows))}]"


def _json(row: ArchivedRow) -> str:
    known = dict(row)
    known.pop("block", None)
    result = known.pop("result")
    head = _encode(known)
    return head if result is None else f'{head[:-1]},"result":{result}}}'


def _text(value: Any) -> str:
    """Return as text what JSON does not have."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    assert isinstance(value, UUID), value
    return str(value)


_encode = json.JSONEncoder(ensure_ascii=False, default=_text).encode


def _plain(row: ArchivedRow) -> dict[str, Any]:
    """Return a row with ids as the 16 bytes that a file has of them."""
    return {
        **row,
        "gift": row["gift"] and row["gift"].bytes,
        "lots": None if row["lots"] is None else [lot.bytes for lot in row["lots"]],
    }


def _restored(row: dict[str, Any]) -> ArchivedRow:
    return {
        **row,
        "gift": row["gift"] and UUID(bytes=row["gift"]),
        "lots": None if row["lots"] is None else [UUID(bytes=lot) for lot in row["lots"]],
    }


def _may_have(file: Any, group: int, users: Collection[str]) -> bool:
    """Whether a part of a file may have rows of some users, by its smallest and its greatest."""
    column = file.schema_arrow.get_field_index("user_id")
    found = file.metadata.row_group(group).column(column).statistics
    if found is None or not found.has_min_max:
        return True
    return any(found.min <= user <= found.max for user in users)


def _schema(facts: Mapping[str, str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - 40 MB, which only a process that archives pays for

    numbers, identifier = pa.list_(pa.int64()), pa.binary(16)
    return pa.schema(
        [
            pa.field("block", pa.int64(), nullable=False),
            pa.field("number", pa.int64(), nullable=False),
            pa.field("recorded_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("user_id", pa.string(), nullable=False),
            ("gift", identifier),
            ("reference", pa.string()),
            pa.field("request_hash", pa.binary(), nullable=False),
            ("kind", pa.string()),
            ("asset", pa.string()),
            ("accounts", pa.string()),
            ("amounts", numbers),
            ("balances_after", numbers),
            ("assets", pa.list_(pa.string())),
            ("lots", pa.list_(identifier)),
            ("slices", numbers),
            ("result", pa.string()),
        ],
        metadata=dict(facts),
    )
