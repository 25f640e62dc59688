"""What gifts take: coins out of lots, counted as the viewers' spendings."""

from collections.abc import Collection, Mapping

from services.wallet import columns as tables
from services.wallet.domain.coins import Lot
from services.wallet.domain.limits import Budget
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows, update_rows
from shared.postgres.statements import text


async def save_payments(
    tx: Transaction, lots: Collection[tuple[str, Lot]], budgets: Mapping[str, Budget]
) -> None:
    """
    Write what a batch has taken out of lots, and what the viewers have spent with it.

    The users' accounts have been locked since their budgets were read.
    """
    if not lots:
        return
    spendings = [
        (user, day, currency, budget.days[day, currency])
        for user, budget in budgets.items()
        for day, currency in budget.changed
    ]
    spent = {
        "user_id": [user for user, _, _, _ in spendings],
        "day": [day for _, day, _, _ in spendings],
        "currency": [currency for _, _, currency, _ in spendings],
        "coins": [of_day.coins for _, _, _, of_day in spendings],
        "amount_minor": [of_day.amount_minor for _, _, _, of_day in spendings],
    }
    taken = {
        "lot_user_id": [user for user, _ in lots],
        "lot_id": [lot.id for _, lot in lots],
        "lot_remaining": [lot.remaining for _, lot in lots],
        "lot_spent": [lot.spent for _, lot in lots],
    }
    if (await tx.execute(_SAVE, {**taken, **spent})).scalar_one() < len(spendings):
        await tx.execute(_SPEND_FIRST, spent)


_KEY = ("user_id", "day", "currency")
_TOTALS = ("coins", "amount_minor")
_TAKE = update_rows(
    tables.Lot,
    ("user_id", "id"),
    ("remaining", "spent"),
    also="open = new.remaining > 0",
    prefix="lot",
)
# An upsert of a row that is there would log its lock as well.
_SPEND = update_rows(tables.Spending, _KEY, _TOTALS, then="RETURNING 1")
_SAVE = text(f"""
    WITH taken AS ({_TAKE.text}), spent AS ({_SPEND.text})
    SELECT count(*) FROM spent
""")  # noqa: S608 - our own text only
_SPEND_FIRST = insert_rows(
    tables.Spending, *_KEY, *_TOTALS, then="ON CONFLICT (user_id, day, currency) DO NOTHING"
)
