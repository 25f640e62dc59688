"""Looking at one's own earnings and payouts, and at the totals."""

from datetime import datetime
from uuid import UUID

from services.payout.domain import NoSuchPayout, Payout
from services.payout.store import earnings, payouts
from shared.database import Transaction
from shared.ledger.rules import HELD, MAIN


async def earned(tx: Transaction, creator: str) -> tuple[int, int, int]:
    """Return a creator's available and reserved diamonds, and all that were ever earned."""
    balances = await earnings.balances(tx, creator)
    return balances.get(MAIN, 0), balances.get(HELD, 0), await earnings.lifetime(tx, creator)


async def newest_earnings(
    tx: Transaction, creator: str, *, before: int | None, limit: int
) -> list[earnings.Line]:
    return await earnings.newest(tx, creator, before=before, limit=limit)


async def read_payout(
    tx: Transaction, creator: str, payout: UUID
) -> tuple[Payout, list[payouts.Step]]:
    found = await payouts.find(tx, creator, payout)
    if found is None:
        raise NoSuchPayout
    return found, await payouts.timeline(tx, found)


async def newest_payouts(
    tx: Transaction, creator: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Payout]:
    return await payouts.newest(tx, creator, before=before, limit=limit)


async def books(
    tx: Transaction,
) -> tuple[earnings.DiamondBooks, dict[str, int], dict[str, int]]:
    """Return the diamond books, the payouts by state, and the money paid by currency."""
    return await earnings.books(tx), await payouts.by_state(tx), await payouts.paid_amounts(tx)
