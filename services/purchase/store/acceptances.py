"""What stores have to be told: that the coins of what they sold are there."""

from collections.abc import Sequence
from datetime import datetime

from services.purchase import columns as tables
from services.purchase.domain.purchases import Purchase
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

ACCEPTANCE_DUE = "acceptances"

_purchase = RowMapper(Purchase, tables.Purchase)
_ADD = insert_rows(
    tables.Acceptance,
    *("viewer", "purchase", "paid_at", "next_check_at"),
    then="ON CONFLICT (viewer, purchase) DO NOTHING",
)


async def add(tx: Transaction, purchases: Sequence[Purchase], *, now: datetime) -> None:
    """Let the stores of locked purchases be told at once, and each only once."""
    if purchases:
        row = arrays(purchases, "viewer", "paid_at", purchase="id")
        await tx.execute(_ADD, {**row, "next_check_at": [now] * len(purchases)})
        tx.wake(ACCEPTANCE_DUE)


_CLAIM = text(f"""
    UPDATE acceptances SET checks = acceptances.checks + 1, next_check_at = due.next
    FROM (
        SELECT viewer, purchase, {NEXT_CHECK} AS next FROM acceptances
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due JOIN purchases ON purchases.viewer = due.viewer AND purchases.id = due.purchase
    WHERE acceptances.viewer = due.viewer AND acceptances.purchase = due.purchase
    RETURNING {_purchase.columns}
""")  # noqa: S608 - our own text only


async def claim(tx: Transaction, *, now: datetime, limit: int) -> list[Purchase]:
    """Take the purchases whose stores are to be told now, until their next turn."""
    return [_purchase(row) for row in await tx.execute(_CLAIM, {"now": now, "limit": limit})]


_END = text("""
    UPDATE acceptances SET next_check_at = NULL, rejected = CAST(:rejected AS text),
        accepted_at = CASE WHEN CAST(:rejected AS text) IS NULL
                           THEN CAST(:now AS timestamptz) END
    WHERE viewer = :viewer AND purchase = :purchase AND next_check_at IS NOT NULL
""")


async def end(
    tx: Transaction, purchase: Purchase, *, now: datetime, rejected: str | None = None
) -> None:
    """Record that a store was told, or that it will never take it, and why."""
    about = {"viewer": purchase.viewer, "purchase": purchase.id}
    await tx.execute(_END, {**about, "now": now, "rejected": rejected})
