"""What is read of wallets beyond single statements of the store."""

from collections import Counter
from uuid import UUID

from services.wallet.domain.coins import NoSuchWallet
from services.wallet.store import queries
from shared.errors import Kind, Refusal
from shared.ledger.entries import DEBT, HELD, MAIN
from shared.money import Rounding, prorate
from shared.postgres.database import Database, Row, Rows, Transaction

MILLIUNITS = 100_000


class NoSuchPurchase(Refusal):
    """This wallet has no coins of that purchase."""

    kind = Kind.NOT_FOUND


class NoSuchLot(Refusal):
    """This wallet has no such lot."""

    kind = Kind.NOT_FOUND


async def read_balances(tx: Transaction, user: str) -> tuple[int, int, int]:
    """Return a user's spendable coins, held coins and debt; of a newcomer nothing of each."""
    found = await queries.balances(tx, user)
    return found.get(MAIN, 0), found.get(HELD, 0), -found.get(DEBT, 0)


async def require_wallet(tx: Transaction, user: str) -> None:
    """Refuse what an operator wants for a user who never had a coin: the id may be mistyped."""
    if not await queries.balances(tx, user):
        raise NoSuchWallet


async def read_totals(database: Database) -> dict[str, int]:
    """Return the sums over the whole ledger, part by part."""
    totals = Counter[str]()
    for part in await database.read_each(queries.totals):
        totals.update(dict(part))
    return totals


async def read_lot(tx: Transaction, user: str, lot: UUID) -> Row:
    """Return one lot: what paid a gift leads by it to its purchase."""
    found = await queries.find_lot(tx, user, lot)
    if found is None:
        raise NoSuchLot(lot=lot)
    return found


async def read_consumption(tx: Transaction, user: str, purchase: UUID) -> tuple[Rows, int]:
    """
    Return the lots of a purchase, and how much of what was paid for is used up, in milliunits.

    Apple and Google ask for exactly this: 24,000 is 24 %.
    https://developer.apple.com/documentation/appstoreserverapi/consumptionpercentage
    """
    found = await queries.lots_of_purchase(tx, user, purchase)
    if not found:
        raise NoSuchPurchase(purchase=purchase)
    paid = [lot for lot in found if lot.kind == "paid"] or found
    coins = sum(lot.coins for lot in paid)
    used = sum(lot.spent + lot.paid_debts for lot in paid)
    return found, prorate(MILLIUNITS, used, coins, Rounding.DOWN)
