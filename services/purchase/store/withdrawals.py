"""The rows of withdrawals, which never change."""

from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.withdrawals import Withdrawal
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_withdrawal = RowMapper(Withdrawal, tables.Withdrawal)
_FIELDS = (
    *("viewer", "purchase", "id", "consumer_name", "reply_to"),
    *("received_at", "period_ends_at", "refund", "reason"),
)
_ADD = insert_rows(tables.Withdrawal, *_FIELDS, "idempotency_key", "request_hash")


async def add(tx: Transaction, withdrawal: Withdrawal, *, key: str, request_hash: bytes) -> None:
    """Record the withdrawal of a locked purchase that has none."""
    row = arrays([withdrawal], *_FIELDS)
    await tx.execute(_ADD, {**row, "idempotency_key": [key], "request_hash": [request_hash]})


_OF_KEY = text(
    f"SELECT {_withdrawal.columns}, request_hash FROM withdrawals"  # noqa: S608 - our own text only
    " WHERE viewer = :viewer AND idempotency_key = :key"
)


async def of_key(tx: Transaction, viewer: str, key: str) -> tuple[Withdrawal, bytes] | None:
    """Return the withdrawal that was stated under a key, and the hash of the request."""
    row = (await tx.execute(_OF_KEY, {"viewer": viewer, "key": key})).first()
    return (_withdrawal(row), row.request_hash) if row else None


_OF_PURCHASE = text(
    f"SELECT {_withdrawal.columns} FROM withdrawals"  # noqa: S608 - our own text only
    " WHERE viewer = :viewer AND purchase = :purchase"
)


async def of_purchase(tx: Transaction, viewer: str, purchase: UUID) -> Withdrawal | None:
    row = (await tx.execute(_OF_PURCHASE, {"viewer": viewer, "purchase": purchase})).first()
    return _withdrawal(row) if row else None
