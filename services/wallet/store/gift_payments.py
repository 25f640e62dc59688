"""What gifts take: coins out of lots, counted as the viewers' spendings."""

from collections.abc import Collection, Mapping

from sqlalchemy import text

from services.wallet import tables
from services.wallet.domain.coins import Lot
from services.wallet.domain.limits import Budget
from shared.postgres.database import Transaction
from shared.postgres.rows import unnest, update_rows


async def save_payments(
    tx: Transaction, lots: Collection[tuple[str, Lot]], budgets: Mapping[str, Budget]
) -> None:
    """Write what a batch has taken out of lots, and add it to what the viewers have spent."""
    if not lots:
        return
    spendings = [
        (user, day, currency, spent.coins, spent.amount_minor)
        for user, budget in budgets.items()
        for (day, currency), spent in budget.added.items()
    ]
    columns = [list(column) for column in zip(*spendings, strict=True)]
    await tx.execute(
        _SAVE,
        {
            "lot_user_id": [user for user, _ in lots],
            "lot_id": [lot.id for _, lot in lots],
            "lot_remaining": [lot.remaining for _, lot in lots],
            "lot_spent": [lot.spent for _, lot in lots],
            **dict(zip(_SPENDING, columns, strict=True)),
        },
    )


_SPENDING = ("user_id", "day", "currency", "coins", "amount_minor")
_TAKE = update_rows(
    tables.Lot,
    ("user_id", "id"),
    ("remaining", "spent"),
    also="open = new.remaining > 0",
    prefix="lot",
)
_SAVE = text(f"""
    WITH taken AS ({_TAKE.text})
    INSERT INTO spendings ({", ".join(_SPENDING)})
    SELECT * FROM {unnest(tables.Spending, *_SPENDING)}
    ON CONFLICT (user_id, day, currency) DO UPDATE
    SET coins = spendings.coins + excluded.coins,
        amount_minor = spendings.amount_minor + excluded.amount_minor
""")  # noqa: S608 - our own text only
