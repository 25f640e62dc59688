"""Looking at wallets, lots and their history, and at the totals."""

from datetime import datetime
from uuid import UUID

from services.wallet.domain.coins import NoSuchWallet
from services.wallet.store import books, finance
from services.wallet.store.books import Books, GiftLine, Line, LotLine
from services.wallet.store.finance import LiabilityLine
from shared.errors import Kind, Refusal
from shared.ledger.entries import DEBT, HELD, MAIN
from shared.postgres.database import Transaction

MILLIUNITS = 100_000


class NoSuchPurchase(Refusal):
    """This wallet has no coins of that purchase."""

    kind = Kind.NOT_FOUND


async def balances(tx: Transaction, user: str) -> tuple[int, int, int]:
    """Return a user's spendable coins, those held back, and what is owed."""
    found = await books.balances(tx, user)
    if not found:
        raise NoSuchWallet
    return found.get(MAIN, 0), found.get(HELD, 0), -found.get(DEBT, 0)


async def history(tx: Transaction, user: str, *, before: int | None, limit: int) -> list[Line]:
    return await books.history(tx, user, before=before, limit=limit)


async def lots(
    tx: Transaction, user: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[LotLine]:
    return await books.lots_of(tx, user, before=before, limit=limit)


async def consumption(tx: Transaction, user: str, purchase: UUID) -> tuple[list[LotLine], int]:
    """
    Return the lots of a purchase, and how much of what was paid for is used up, in milliunits.

    Apple and Google ask for exactly this: 24,000 is 24 %.
    https://developer.apple.com/documentation/appstoreserverapi/consumptionpercentage
    """
    found = await books.lots_of_purchase(tx, user, purchase)
    if not found:
        raise NoSuchPurchase(purchase=purchase)
    paid = [lot for lot in found if lot.kind == "paid"] or found
    coins = sum(lot.coins for lot in paid)
    used = sum(lot.spent + lot.paid_debts for lot in paid)
    return found, used * MILLIUNITS // coins


async def gifts_of_purchase(
    tx: Transaction, user: str, purchase: UUID, *, before: int | None, limit: int
) -> list[GiftLine]:
    return await books.gifts_of_purchase(tx, user, purchase, before=before, limit=limit)


async def liability(tx: Transaction) -> list[LiabilityLine]:
    return await finance.liability(tx)


async def totals(tx: Transaction) -> Books:
    return await books.books(tx)
