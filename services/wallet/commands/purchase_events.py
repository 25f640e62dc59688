"""
Following the money of purchases: it comes, goes back, is taken back, or may be.

Facts are taken in the order in which they arrived, of every kind, and that order is not
relied on: each is kept, and the coins follow all that is known.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.wallet.commands import holds
from services.wallet.commands.credits import DERIVED_REFERENCE, PURCHASE_REFERENCE, credit_purchase
from services.wallet.commands.disputes import DISPUTE_REFERENCE, apply_dispute, is_stale
from services.wallet.commands.usage import USAGE_REFERENCE, report_usage
from services.wallet.commands.wallet_batch import (
    Published,
    ViewerWallet,
    open_wallets,
    write_wallets,
)
from services.wallet.domain.coins import COINS
from services.wallet.settings import Settings
from services.wallet.store.purchase_facts import known_holds
from shared.contracts.envelope import Envelope
from shared.contracts.purchase import (
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchaseEvent,
    PurchasePaid,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
    PurchaseUsageRequested,
)
from shared.ledger.book import open_book
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction


async def apply_purchase_events(
    tx: Transaction, received: Sequence[Envelope[PurchaseEvent]], settings: Settings
) -> set[UUID]:
    """Let coins follow each fact about a purchase, once; return the stale facts about disputes."""
    paid = {(fact.data.viewer, fact.data.purchase) for fact in received if _is_paid(fact.data)}
    # Read before the lock, for their outcomes: of what comes in between, nothing is decided yet.
    early = await known_holds(tx, paid)
    references = [
        (each.data.viewer, reference)
        for each in received
        for reference in _references(each.data, early)
    ]
    book = await open_book(tx, COINS, references)
    wallets = await open_wallets(tx, book, {each.data.purchase for each in received})
    now = book.recorded_at
    stale: set[UUID] = set()
    facts: list[Fact] = []
    for each in received:
        wallet = wallets[each.data.viewer]
        wallet.cause = each.cause
        if isinstance(each.data, PurchaseDisputed | PurchaseDisputeClosed) and is_stale(
            wallet, each.data
        ):
            stale.add(each.id)
        facts += [
            Fact(*published, each.cause, now) for published in _apply(wallet, each.data, settings)
        ]
    await write_wallets(tx, book, wallets, facts, now)
    return stale


def _is_paid(event: PurchaseEvent) -> bool:
    return isinstance(event, PurchasePaid)


def _references(event: PurchaseEvent, early: Mapping[tuple[str, UUID], Sequence[str]]) -> list[str]:
    """Return what may be decided because of a fact, each once and for ever."""
    match event:
        case PurchasePaid():
            known = early.get((event.viewer, event.purchase), ())
            return [
                PURCHASE_REFERENCE.format(event.purchase),
                DERIVED_REFERENCE.format(event.purchase),
                *(reference for key in known for reference in holds.answers_of_hold(key)),
            ]
        case PurchaseDisputed() | PurchaseDisputeClosed():
            return [DISPUTE_REFERENCE.format(event.purchase, event.dispute, event.revision)]
        case PurchaseUsageRequested():
            return [USAGE_REFERENCE.format(event.question)]
    assert isinstance(
        event,
        PurchaseRefundRequested | PurchaseRiskFlagged | PurchaseRefunded | PurchaseRefundDeclined,
    )
    return holds.hold_references(event)


def _apply(wallet: ViewerWallet, event: PurchaseEvent, settings: Settings) -> list[Published]:
    """Decide one fact; return what is to be announced."""
    match event:
        case PurchasePaid():
            return credit_purchase(wallet, event, settings)
        case PurchaseDisputed() | PurchaseDisputeClosed():
            apply_dispute(wallet, event)
            return []
        case PurchaseRefundRequested() | PurchaseRiskFlagged():
            return holds.hold_coins(wallet, event)
        case PurchaseRefunded():
            return holds.void_coins(wallet, event)
        case PurchaseUsageRequested():
            return report_usage(wallet, event)
    assert isinstance(event, PurchaseRefundDeclined)
    return holds.decline_refund(wallet, event)
