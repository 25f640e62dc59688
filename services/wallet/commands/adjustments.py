"""Corrections of a balance: one operator asks for them, another one decides."""

from datetime import datetime
from uuid import UUID, uuid5

from services.wallet.commands.facts import request_hash
from services.wallet.commands.queries import require_wallet
from services.wallet.domain.coins import (
    ADJUSTED,
    COINS,
    Legs,
    Lot,
    Origin,
    decide,
)
from services.wallet.domain.gift_payments import InsufficientCoins
from services.wallet.store import lots as lot_store
from services.wallet.store.lots import NewLot
from shared.backoffice.adjustments import (
    Adjustment,
    AdjustmentRequest,
    decide_adjustment,
    find_adjustment,
    request_adjustment,
)
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.wallet import CoinsAdjusted
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

ADJUSTMENT_REFERENCE = "adjustment:{}"
APPLIED, REJECTED = "applied", "rejected"


async def request_wallet_adjustment(tx: Transaction, wanted: AdjustmentRequest) -> Adjustment:
    """Remember a correction that waits for a colleague."""
    await require_wallet(tx, wanted.user)
    return await request_adjustment(tx, wanted)


async def decide_wallet_adjustment(
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
    version = accounts.record_result(event.model_dump_json()).number
    await book.write(tx)
    await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return await find_adjustment(tx, identifier)


def _granted(asked: Adjustment, now: datetime) -> NewLot:
    """Coins that cost nothing, and so earn no creator anything."""
    lot = Lot(
        id=uuid5(NAMESPACE, f"lot|{asked.id}|{Origin.PROMO.value}"),
        purchase=asked.id,
        origin=Origin.PROMO,
        coins=asked.amount,
        remaining=asked.amount,
        diamond_rate_bp=0,
        price_minor=0,
        # ISO 4217 for no currency: nothing was paid.
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
