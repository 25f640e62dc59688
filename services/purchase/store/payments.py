"""The money that came for purchases, and what the provider warned of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.purchase import tables
from services.purchase.domain.answers import Received
from services.purchase.domain.purchases import Allocation, EarlyFraudWarning, Payment, Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows

_received = RowMapper(Received, tables.Payment)
_OF_PURCHASE = text(f"""
    SELECT payment, {_received.columns} FROM payments
    WHERE viewer = :viewer AND purchase = :purchase
""")  # noqa: S608 - our own text only


async def received(tx: Transaction, purchase: Purchase) -> dict[str, Received]:
    """Return the money that came for a purchase and what it has led to, by payment."""
    rows = await tx.execute(_OF_PURCHASE, _about(purchase))
    return {row["payment"]: _received(row) for row in rows}


_ADD = text("""
    INSERT INTO payments (viewer, purchase, payment, allocation, amount_minor, currency, paid_at)
    VALUES (:viewer, :purchase, :payment, :allocation, :amount_minor, :currency, :paid_at)
""")


async def add(
    tx: Transaction, purchase: Purchase, payment: Payment, allocation: Allocation, *, now: datetime
) -> None:
    row = {
        "payment": payment.id,
        "allocation": allocation.value,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "paid_at": payment.paid_at or now,
    }
    await tx.execute(_ADD, {**_about(purchase), **row})


_WARNINGS = text("SELECT warning FROM warnings WHERE viewer = :viewer AND purchase = :purchase")


async def warnings(tx: Transaction, purchase: Purchase) -> set[str]:
    """Return the ids of the early fraud warnings that were published."""
    return {row.warning for row in await tx.execute(_WARNINGS, _about(purchase))}


_ADD_WARNINGS = insert_rows(tables.Warning, "viewer", "purchase", "warning", "reason")


async def add_warnings(
    tx: Transaction, purchase: Purchase, new: Sequence[EarlyFraudWarning]
) -> None:
    if new:
        about = {name: [value] * len(new) for name, value in _about(purchase).items()}
        await tx.execute(_ADD_WARNINGS, {**about, **arrays(new, "reason", warning="id")})


def _about(purchase: Purchase) -> dict[str, object]:
    return {"viewer": purchase.viewer, "purchase": purchase.id}
