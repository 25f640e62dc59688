"""
Following the money of purchases: it comes, it is frozen, it goes back, it is taken back.

Facts are taken in the order in which they arrived, whatever their kind, and that order is not
relied on: what is heard of a purchase is kept, and its coins follow all that is known.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.wallet.commands.facts import (
    debt_fact,
    request_hash,
    require_same,
    reversal_facts,
)
from services.wallet.domain import claims as rules
from services.wallet.domain import spending
from services.wallet.domain.coins import COINS, Legs, Lot, Origin, decide
from services.wallet.settings import Settings
from services.wallet.store import claims
from services.wallet.store import lots as lot_store
from services.wallet.store.claims import Known
from services.wallet.store.lots import NewLot
from shared.contracts import wallet
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.purchase import (
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchaseEvent,
    PurchasePaid,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
    RefundEvent,
)
from shared.contracts.wallet import (
    CoinsCredited,
    CoinsFrozen,
    CoinsRefunded,
    CoinsUnfrozen,
    FreezeEvent,
    LotKind,
    lot_id,
)
from shared.database import Transaction
from shared.ledger.book import Book, open_book
from shared.ledger.rules import MAIN, Holder
from shared.messaging import chronicle
from shared.messaging.outbox import Fact, announce

PURCHASE_CAUSE = "purchase:{}"
SETTLE_CAUSE = "settle:{}"
CLAIMS_CAUSE = "claims:{}"
FROZEN, RELEASED, BURNT = "frozen", "released", "burnt"

Dispute: TypeAlias = PurchaseDisputed | PurchaseDisputeClosed


@dataclass(slots=True)
class Purse:
    """One viewer's coins and what is known of their money, as a batch is decided."""

    holder: Holder
    lots: dict[UUID, Lot]
    known: Known
    before: dict[UUID, Lot]
    opened: list[NewLot] = field(default_factory=list)
    # What led to the last change: the cause of what is announced about all of it.
    cause: Cause = field(default_factory=lambda: Cause("unknown"))

    def lots_of(self, purchase: UUID) -> list[Lot]:
        return [lot for lot in self.lots.values() if lot.purchase == purchase]

    def changed(self) -> list[Lot]:
        """The lots whose coins are elsewhere now than when the batch began."""
        return [lot for lot in self.lots.values() if lot != self.before.get(lot.id)]


async def follow_money(
    tx: Transaction, received: Sequence[Envelope[PurchaseEvent]], settings: Settings
) -> set[UUID]:
    """Let coins follow each fact about a purchase, once; return what was old news of disputes."""
    stale: set[UUID] = set()
    book = await open_book(
        tx,
        COINS,
        ((heard.data.viewer, cause) for heard in received for cause in causes(heard.data)),
    )
    purses = await _open_purses(tx, book, {heard.data.purchase for heard in received})
    now = book.recorded_at
    facts: list[Fact] = []
    for heard in received:
        purse = purses[heard.data.viewer]
        purse.cause = heard.cause
        if _is_old_news(purse.known, heard.data):
            stale.add(heard.id)
        facts += [Fact(*said, heard.cause, now) for said in _follow(purse, heard.data, settings)]
    await _write(tx, book, purses, facts, now)
    return stale


def causes(event: PurchaseEvent) -> list[str]:
    """Return what may be decided because of a fact, each once and for ever."""
    match event:
        case PurchasePaid():
            named = (PURCHASE_CAUSE, SETTLE_CAUSE, CLAIMS_CAUSE)
            return [cause.format(event.purchase) for cause in named]
        case PurchaseDisputed() | PurchaseDisputeClosed():
            return [f"dispute:{event.purchase}:{event.dispute}:{event.revision}"]
        case PurchaseRefundRequested() | PurchaseRiskFlagged():
            return [f"freeze:{_freeze_key(event)}"]
        case PurchaseRefunded():
            return [f"refund:{event.refund}"]
    assert isinstance(event, PurchaseRefundDeclined)
    return [f"release:{event.refund}"]


def _follow(
    purse: Purse, event: PurchaseEvent, settings: Settings
) -> list[tuple[wallet.WalletEvent, int]]:
    """Decide one fact; return what is to be announced, with the number of the decision."""
    match event:
        case PurchasePaid():
            return _credit(purse, event, settings)
        case PurchaseDisputed() | PurchaseDisputeClosed():
            return _dispute(purse, event)
        case PurchaseRefundRequested() | PurchaseRiskFlagged():
            return _freeze(purse, event)
    assert isinstance(event, PurchaseRefunded | PurchaseRefundDeclined)
    return _end_freeze(purse, event)


def _credit(
    purse: Purse, paid: PurchasePaid, settings: Settings
) -> list[tuple[wallet.WalletEvent, int]]:
    """Open the lots of a purchase; then let them follow what was heard of it before, and settle."""
    holder = purse.holder
    credit_cause, settle_cause, claims_cause = causes(paid)
    asked = request_hash(paid.coins, paid.bonus_coins, paid.amount_minor, paid.currency)
    outcome = holder.outcomes.get(credit_cause)
    if outcome is not None:
        require_same(outcome, asked)
        return [(CoinsCredited.model_validate_json(outcome.result), outcome.version)]
    opened = _lots_of(paid, settings)
    coins = sum(new.lot.coins for new in opened)
    spending.credit(holder, cause=credit_cause, coins=coins, request_hash=asked)
    purse.opened += opened
    purse.lots |= {new.lot.id: new.lot for new in opened}
    credited = CoinsCredited(
        viewer=paid.viewer,
        purchase=paid.purchase,
        coins=coins,
        lots=tuple(_part(new.lot, new.lot.coins) for new in opened),
        balance_coins=holder.balance(MAIN, COINS),
    )
    version = holder.conclude(credited.model_dump_json()).version
    lots = [new.lot for new in opened]
    if (legs := _heard_before(purse, paid.purchase, lots)) is not None:
        decide(holder, legs, kind="claim", cause=claims_cause, request_hash=asked)
        holder.conclude("{}")
    debtors = [lot for lot in purse.lots.values() if lot.debt]
    legs, _ = rules.settle_debts(debtors, lots, purse.known.settlements)
    if legs.postings():
        decide(holder, legs, kind="settle", cause=settle_cause, request_hash=asked)
        holder.conclude("{}")
    return [(credited, version)]


def _heard_before(purse: Purse, purchase: UUID, lots: list[Lot]) -> Legs | None:
    """Let coins that just came follow what was heard of their money before them, if anything."""
    known = purse.known
    frozen, burnt = known.frozen_of(purchase), known.burnt_of(purchase)
    if not (known.claimed_minor(purchase) or frozen or burnt):
        return None
    legs = Legs()
    for key in burnt:
        # Its money is gone; that somebody heard so before the coins came changes nothing.
        legs.add(rules.freeze(lots, key, known.frozen))
        legs.add(rules.burn(purse.lots, key, known.frozen))
    legs.add(_claim(purse, purchase))
    for key in frozen:
        legs.add(rules.freeze(lots, key, known.frozen))
    return legs


def _dispute(purse: Purse, dispute: Dispute) -> list[tuple[wallet.WalletEvent, int]]:
    """Take what is disputed, or give it back: whatever the newest revision says."""
    (cause,) = causes(dispute)
    if cause in purse.holder.outcomes:
        return []
    won = isinstance(dispute, PurchaseDisputeClosed) and dispute.won
    about = (dispute.purchase, dispute.dispute)
    revision, _ = purse.known.disputes.get(about, (0, 0))
    if dispute.revision > revision:
        purse.known.disputes[about] = (dispute.revision, 0 if won else dispute.amount_minor)
    decide(
        purse.holder,
        _claim(purse, dispute.purchase),
        kind="dispute",
        cause=cause,
        request_hash=request_hash(dispute.amount_minor, dispute.currency, won),
    )
    purse.holder.conclude("{}")
    return []


def _is_old_news(known: Known, event: PurchaseEvent) -> bool:
    """Whether a later revision of the same dispute is known."""
    if not isinstance(event, PurchaseDisputed | PurchaseDisputeClosed):
        return False
    revision, _ = known.disputes.get((event.purchase, event.dispute), (0, 0))
    return event.revision < revision


def _claim(purse: Purse, purchase: UUID) -> Legs:
    """Let every lot of a purchase follow what all its disputes claim together."""
    legs, lots = Legs(), purse.lots_of(purchase)
    price = sum(lot.price_minor for lot in lots)
    claimed = purse.known.claimed_minor(purchase)
    for lot in lots:
        coins = rules.claimed_coins(lot, claimed_minor=claimed, price_minor=price)
        legs.add(
            rules.follow_claim(
                lot,
                coins if claimed else 0,
                lots=purse.lots,
                frozen=purse.known.frozen,
                settlements=purse.known.settlements,
            )
        )
    return legs


def _freeze(
    purse: Purse, asked: PurchaseRefundRequested | PurchaseRiskFlagged
) -> list[tuple[wallet.WalletEvent, int]]:
    """Keep what is unspent of a purchase; that it is nothing is an answer too."""
    (cause,), key = causes(asked), _freeze_key(asked)
    outcome = purse.holder.outcomes.get(cause)
    if outcome is not None:
        return [(CoinsFrozen.model_validate_json(outcome.result), outcome.version)]
    legs = Legs()
    if key not in purse.known.freezes:
        purse.known.freezes[key] = (asked.purchase, FROZEN)
        legs = rules.freeze(purse.lots_of(asked.purchase), key, purse.known.frozen)
    decide(
        purse.holder, legs, kind="freeze", cause=cause, request_hash=request_hash(asked.purchase)
    )
    kept = purse.known.frozen.get(key, {})
    event = _freeze_event(CoinsFrozen, purse, asked.purchase, key, kept)
    return [(event, purse.holder.conclude(event.model_dump_json()).version)]


def _end_freeze(
    purse: Purse, end: PurchaseRefunded | PurchaseRefundDeclined
) -> list[tuple[wallet.WalletEvent, int]]:
    """Burn what was kept for a refund, or let it go."""
    (cause,), key = causes(end), _freeze_key(end)
    outcome = purse.holder.outcomes.get(cause)
    refunded = isinstance(end, PurchaseRefunded)
    contract = CoinsRefunded if refunded else CoinsUnfrozen
    if outcome is not None:
        return [(contract.model_validate_json(outcome.result), outcome.version)]
    legs = Legs()
    if refunded and key not in purse.known.freezes:
        # The money is gone, whether or not we heard that somebody asked for it.
        legs = rules.freeze(purse.lots_of(end.purchase), key, purse.known.frozen)
    ended = {lot: coins for lot, coins in purse.known.frozen.get(key, {}).items() if coins}
    purse.known.freezes[key] = (end.purchase, BURNT if refunded else RELEASED)
    move = rules.burn if refunded else rules.release
    legs.add(move(purse.lots, key, purse.known.frozen))
    kind = "refund" if refunded else "release"
    decide(purse.holder, legs, kind=kind, cause=cause, request_hash=request_hash(end.purchase))
    event = _freeze_event(contract, purse, end.purchase, key, ended)
    return [(event, purse.holder.conclude(event.model_dump_json()).version)]


async def _open_purses(tx: Transaction, book: Book, purchases: set[UUID]) -> dict[str, Purse]:
    lots = await lot_store.lots_for_claims(tx, book.holders, purchases)
    known = await claims.known(tx, book.holders, purchases)
    return {
        user: Purse(
            holder=book[user],
            lots=lots[user],
            known=known[user],
            before={lot.id: copy(lot) for lot in lots[user].values()},
        )
        for user in book.holders
    }


async def _write(
    tx: Transaction, book: Book, purses: dict[str, Purse], facts: list[Fact], now: datetime
) -> None:
    """Write everything, and say which gifts gained or lost their money by it."""
    consequences = await _consequences(tx, purses, now)
    await book.write(tx)
    await lot_store.add_lots(tx, [new for purse in purses.values() for new in purse.opened])
    changed = [(user, lot) for user, purse in purses.items() for lot in purse.changed()]
    await lot_store.save_lots(tx, changed)
    await claims.save(tx, {user: purse.known for user, purse in purses.items()})
    await chronicle.remember(tx, consequences)
    await announce(tx, facts + consequences)


async def _consequences(tx: Transaction, purses: dict[str, Purse], now: datetime) -> list[Fact]:
    """
    Say how debts changed over the batch, and which gifts stand reversed from now on.

    Whatever came and went within the batch never happened to anybody else.
    """
    moved: list[tuple[Purse, Lot, Lot]] = []
    for purse in purses.values():
        for lot in purse.changed():
            before = purse.before.get(lot.id, lot)
            if lot.debt != before.debt or lot.reversed != before.reversed:
                lot.revision += 1
                moved.append((purse, lot, before))
    slices = await lot_store.slices_of(tx, [(purse.holder.user, lot.id) for purse, lot, _ in moved])
    facts: list[Fact] = []
    for purse, lot, before in moved:
        gifts = rules.changed_gifts(slices[lot.id], before=before.reversed, after=lot.reversed)
        grew = lot.reversed > before.reversed
        facts += reversal_facts(purse.holder, lot, gifts, grew=grew, cause=purse.cause, now=now)
        if lot.debt != before.debt:
            facts.append(debt_fact(purse.holder, lot, lot.debt - before.debt, purse.cause, now))
    return facts


def _lots_of(paid: PurchasePaid, settings: Settings) -> list[NewLot]:
    """One lot for what was paid, and one for the bonus, which cost nothing."""
    kinds = (
        (Origin.PAID, paid.coins, paid.amount_minor, settings.paid_diamond_rate_bp),
        (Origin.BONUS, paid.bonus_coins, 0, settings.bonus_diamond_rate_bp),
    )
    return [
        NewLot(
            user=paid.viewer,
            lot=Lot(
                id=lot_id(paid.purchase, LotKind(origin.value)),
                purchase=paid.purchase,
                origin=origin,
                coins=coins,
                remaining=coins,
                diamond_rate_bp=rate,
                price_minor=price_minor,
                currency=paid.currency,
                funded_at=paid.paid_at,
            ),
            channel=paid.channel,
            country=paid.country,
        )
        for origin, coins, price_minor, rate in kinds
        if coins
    ]


def _freeze_key(event: RefundEvent | PurchaseRiskFlagged) -> str:
    if isinstance(event, PurchaseRiskFlagged):
        return f"risk:{event.warning}"
    return str(event.refund)


def _freeze_event(
    contract: type[FreezeEvent], purse: Purse, purchase: UUID, key: str, kept: dict[UUID, int]
) -> FreezeEvent:
    return contract(
        viewer=purse.holder.user,
        purchase=purchase,
        freeze=key,
        coins=sum(kept.values()),
        lots=tuple(_part(purse.lots[lot], coins) for lot, coins in kept.items() if coins),
        balance_coins=purse.holder.balance(MAIN, COINS),
    )


def _part(lot: Lot, coins: int) -> wallet.Lot:
    return wallet.Lot(lot=lot.id, kind=LotKind(lot.origin.value), coins=coins)
