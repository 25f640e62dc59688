"""What operators do to wallets: every action an entry or a line of the audit log, or both."""

from datetime import datetime
from uuid import UUID, uuid5

from services.wallet.commands.facts import request_hash
from services.wallet.commands.holds import RELEASE_REFERENCE, release_hold
from services.wallet.commands.wallet_batch import open_wallets, write_wallets
from services.wallet.domain.coins import (
    ADJUSTED,
    COINS,
    EXPIRED,
    Legs,
    Lot,
    NoSuchWallet,
    Origin,
    decide,
)
from services.wallet.domain.derivation import WARNING_PREFIX
from services.wallet.domain.spending import InsufficientCoins
from services.wallet.store import books, restraints
from services.wallet.store import lots as lot_store
from services.wallet.store.lots import NewLot
from services.wallet.store.purchase_facts import purchase_of_hold
from shared.backoffice.adjustments import (
    Adjustment,
    AdjustmentRequest,
    audit,
    decide_adjustment,
    find_adjustment,
    request_adjustment,
)
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.wallet import CoinsAdjusted, CoinsExpired
from shared.errors import Kind, Refusal
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

ADJUSTMENT_REFERENCE = "adjustment:{}"
EXPIRE_REFERENCE = "expire:{}"
EXPIRING_USERS_MAX = 200
APPLIED, REJECTED = "applied", "rejected"


class NoSuchFreeze(Refusal):
    """No coins of this wallet are kept for that."""

    kind = Kind.NOT_FOUND


class NotYoursToRelease(Refusal):
    """These coins are kept for a refund, which ends by itself."""

    kind = Kind.CONFLICT


async def set_block(
    tx: Transaction, user: str, *, blocked: bool, operator: str, reason: str
) -> None:
    """Stop a wallet, or let it go; what it holds stays where it is."""
    await _require_wallet(tx, user)
    await open_book(tx, COINS, [(user, "block")])
    if await restraints.block(tx, user, blocked=blocked):
        action = "wallet.frozen" if blocked else "wallet.unfrozen"
        await audit(tx, operator=operator, action=action, user=user, reason=reason)


async def ask_adjustment(tx: Transaction, wish: AdjustmentRequest) -> Adjustment:
    """Remember a correction that waits for a colleague."""
    await _require_wallet(tx, wish.user)
    return await request_adjustment(tx, wish)


async def settle_adjustment(
    tx: Transaction, identifier: UUID, operator: str, approved: bool, correlation_id: str
) -> Adjustment:
    """Let a colleague agree, and the coins move in the same transaction; or not agree."""
    asked = await find_adjustment(tx, identifier)
    reference = ADJUSTMENT_REFERENCE.format(identifier)
    book = await open_book(tx, COINS, [(asked.user, reference)])
    # Read again under the user's lock: a colleague may have been faster.
    asked = await find_adjustment(tx, identifier)
    state = APPLIED if approved else REJECTED
    if not await decide_adjustment(tx, asked, operator=operator, state=state) or not approved:
        return await find_adjustment(tx, identifier)
    accounts = book[asked.user]
    lots = (await lot_store.open_lots(tx, [asked.user]))[asked.user]
    legs = Legs()
    if asked.amount > 0:
        lot = _granted(asked, book.recorded_at)
        await lot_store.add_lots(tx, [lot])
        legs.move(asked.amount, ADJUSTED, MAIN)
    else:
        await lot_store.save_lots(tx, [(asked.user, lot) for lot in _withdraw(lots, asked, legs)])
    decide(
        accounts,
        legs,
        kind="adjustment",
        reference=reference,
        request_hash=request_hash(asked.amount),
    )
    event = CoinsAdjusted(
        viewer=asked.user,
        adjustment=asked.id,
        coins=asked.amount,
        reason=asked.reason,
        balance_coins=accounts.balance(MAIN, COINS),
    )
    version = accounts.record_result(event.model_dump_json()).version
    await book.write(tx)
    await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return await find_adjustment(tx, identifier)


async def release_freeze(
    tx: Transaction, user: str, freeze: str, *, operator: str, reason: str, correlation_id: str
) -> None:
    """Let coins be spent again that were held because of a warning."""
    reference = RELEASE_REFERENCE.format(freeze)
    book = await open_book(tx, COINS, [(user, reference)])
    if reference in book[user].outcomes:
        return
    purchase = await purchase_of_hold(tx, user, freeze)
    if purchase is None:
        raise NoSuchFreeze(freeze=freeze)
    if not freeze.startswith(WARNING_PREFIX):
        raise NotYoursToRelease(freeze=freeze)
    wallets = await open_wallets(tx, book, [purchase])
    wallet = wallets[user]
    wallet.cause = Cause(correlation_id)
    now = book.recorded_at
    released = release_hold(wallet, freeze, purchase)
    await audit(
        tx, operator=operator, action="freeze.released", user=user, reason=reason, freeze=freeze
    )
    await write_wallets(
        tx, book, wallets, [Fact(*said, wallet.cause, now) for said in released], now
    )


async def expire_lots(tx: Transaction, *, now: datetime) -> bool:
    """Let promotional coins end that were not spent in time; return whether there may be more."""
    users = await books.users_of_expired_lots(tx, now=now, limit=EXPIRING_USERS_MAX)
    if not users:
        return False
    book = await open_book(tx, COINS, [(user, "expire") for user in users])
    lots = await lot_store.open_lots(tx, users)
    facts, changed = [], []
    for user in users:
        accounts = book[user]
        for lot in lots[user]:
            if lot.expires_at is None or lot.expires_at > now or lot.frozen:
                continue
            legs, coins = Legs(), lot.spendable
            legs.move(coins, MAIN, EXPIRED)
            lot.remaining -= coins
            lot.expired += coins
            reference = EXPIRE_REFERENCE.format(lot.id)
            decide(accounts, legs, kind="expiry", reference=reference, request_hash=lot.id.bytes)
            event = CoinsExpired(
                viewer=user, lot=lot.id, coins=coins, balance_coins=accounts.balance(MAIN, COINS)
            )
            version = accounts.record_result(event.model_dump_json()).version
            facts.append(Fact(event, version, Cause(str(lot.id)), book.recorded_at))
            changed.append((user, lot))
    await book.write(tx)
    await lot_store.save_lots(tx, changed)
    await publish(tx, facts)
    return len(users) == EXPIRING_USERS_MAX


async def _require_wallet(tx: Transaction, user: str) -> None:
    if not await books.balances(tx, user):
        raise NoSuchWallet


def _granted(asked: Adjustment, now: datetime) -> NewLot:
    """Coins that cost nobody anything, and so earn no creator anything."""
    lot = Lot(
        id=uuid5(NAMESPACE, f"lot|{asked.id}|{Origin.PROMO.value}"),
        purchase=asked.id,
        origin=Origin.PROMO,
        coins=asked.amount,
        remaining=asked.amount,
        diamond_rate_bp=0,
        price_minor=0,
        # ISO 4217 for no currency: nobody paid anything.
        currency="XXX",
        funded_at=now,
    )
    return NewLot(user=asked.user, lot=lot, channel="adjustment", country=None)


def _withdraw(lots: list[Lot], asked: Adjustment, legs: Legs) -> list[Lot]:
    coins = -asked.amount
    spendable = sum(lot.spendable for lot in lots)
    if spendable < coins:
        raise InsufficientCoins(needed_coins=coins, shortfall_coins=coins - spendable)
    legs.move(coins, MAIN, ADJUSTED)
    touched = []
    for lot in lots:
        taken = min(lot.spendable, coins)
        if taken:
            lot.remaining -= taken
            lot.adjusted += taken
            coins -= taken
            touched.append(lot)
    return touched
