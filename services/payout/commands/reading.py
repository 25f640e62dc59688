"""Looking at one's own earnings and payouts, and at the totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.store import books as book_store
from services.payout.store import payouts
from services.payout.store.books import DiamondBooks, Hold, Line, MoneyLine
from shared.ledger.entries import HELD, MAIN, PENDING
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Earned:
    """A creator's diamonds, wherever they stand, and what the pending ones wait for."""

    pending: int
    available: int
    reserved: int
    lifetime: int
    holds: Sequence[Hold]


async def earned(tx: Transaction, creator: str) -> Earned:
    balances = await book_store.balances(tx, creator)
    return Earned(
        pending=balances.get(PENDING, 0),
        available=balances.get(MAIN, 0),
        reserved=balances.get(HELD, 0),
        lifetime=await book_store.lifetime(tx, creator),
        holds=await book_store.holds(tx, creator),
    )


async def newest_earnings(
    tx: Transaction, creator: str, *, before: int | None, limit: int
) -> list[Line]:
    return await book_store.newest(tx, creator, before=before, limit=limit)


async def earnings_of(tx: Transaction, creator: str, gifts: Sequence[UUID]) -> list[Line]:
    return await book_store.of_gifts(tx, creator, gifts)


async def waiting_payouts(tx: Transaction, limit: int) -> list[tuple[Payout, payouts.Step]]:
    return await payouts.waiting(tx, limit)


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


@dataclass(frozen=True, slots=True)
class Books:
    """Everything this service keeps, summed up at one instant."""

    diamonds: DiamondBooks
    payouts_by_state: dict[str, int]
    paid_amounts: dict[str, int]
    money: list[MoneyLine]


async def books(tx: Transaction) -> Books:
    return Books(
        diamonds=await book_store.books(tx),
        payouts_by_state=await payouts.by_state(tx),
        paid_amounts=await payouts.paid_amounts(tx),
        money=await book_store.money(tx),
    )
