"""The money that came for purchases, and what the provider warned of."""

from collections.abc import Sequence
from datetime import datetime

from services.purchase import columns as tables
from services.purchase.domain.purchases import Allocation, EarlyFraudWarning, Payment, Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows
from shared.postgres.statements import Statement

_PAYMENT = ("viewer", "purchase", "payment", "allocation", "amount_minor", "currency", "paid_at")
_ADD = insert_rows(tables.Payment, *_PAYMENT)


async def add(
    tx: Transaction, received: Sequence[tuple[Purchase, Payment, Allocation]], *, now: datetime
) -> None:
    """Record money that came for locked purchases, and what it led to."""
    rows = [
        (
            purchase.viewer,
            purchase.id,
            payment.id,
            allocation.value,
            payment.amount_minor,
            payment.currency,
            payment.paid_at or payment.answered_at or now,
        )
        for purchase, payment, allocation in received
    ]
    await _insert(tx, _ADD, _PAYMENT, rows)


_WARNING = ("viewer", "purchase", "warning", "reason")
_ADD_WARNINGS = insert_rows(tables.Warning, *_WARNING)


async def add_warnings(tx: Transaction, new: Sequence[tuple[Purchase, EarlyFraudWarning]]) -> None:
    """Record early fraud warnings that are published."""
    rows = [(purchase.viewer, purchase.id, each.id, each.reason) for purchase, each in new]
    await _insert(tx, _ADD_WARNINGS, _WARNING, rows)


async def _insert(
    tx: Transaction, statement: Statement, names: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        columns = map(list, zip(*rows, strict=True))
        await tx.execute(statement, dict(zip(names, columns, strict=True)))
