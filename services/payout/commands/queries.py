"""What the API reads that takes several queries."""

from dataclasses import dataclass
from uuid import UUID

from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.store import payouts, queries
from services.payout.store.payouts import Step
from services.payout.store.queries import DiamondBooks, Hold, MoneyLine
from shared.ledger.entries import HELD, MAIN, PENDING
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Earned:
    """A creator's diamonds by account, and what the pending ones wait for."""

    pending: int
    available: int
    reserved: int
    lifetime: int
    holds: list[Hold]


@dataclass(frozen=True, slots=True)
class Books:
    """Everything this service keeps, summed up at one instant."""

    diamonds: DiamondBooks
    payouts_by_state: dict[str, int]
    paid_amounts: dict[str, int]
    money: list[MoneyLine]


async def read_earned(tx: Transaction, creator: str) -> Earned:
    balances = await queries.balances(tx, creator)
    return Earned(
        pending=balances.get(PENDING, 0),
        available=balances.get(MAIN, 0),
        reserved=balances.get(HELD, 0),
        lifetime=await queries.lifetime(tx, creator),
        holds=await queries.holds(tx, creator),
    )


async def read_payout(tx: Transaction, creator: str, payout: UUID) -> tuple[Payout, list[Step]]:
    found = await payouts.find(tx, creator, payout)
    if found is None:
        raise NoSuchPayout
    return found, await payouts.timeline(tx, found)


async def read_books(tx: Transaction) -> Books:
    return Books(
        diamonds=await queries.diamond_books(tx),
        payouts_by_state=await payouts.by_state(tx),
        paid_amounts=await payouts.paid_amounts(tx),
        money=await queries.money_books(tx),
    )
