"""Facts of money as the purchase service announces them, for one viewer."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.contracts.base import NAMESPACE, Event
from shared.contracts.purchase import (
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchasePaid,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
)
from tests.every_order.facts import (
    Decisions,
    Disputed,
    Flagged,
    OfPurchase,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
)


def id_of(viewer: str, name: str) -> UUID:
    """The id of a purchase or refund: each viewer has their own."""
    return uuid5(NAMESPACE, f"{viewer}|{name}")


def event_of(fact: OfPurchase, viewer: str, decisions: Decisions, now: datetime) -> Event:
    """Write a fact as an event of a story that was told at a time."""
    purchase = id_of(viewer, fact.purchase)
    about: dict[str, Any] = {"purchase": purchase, "viewer": viewer}
    if isinstance(fact, Paid):
        return _paid(fact, about, now)
    if isinstance(fact, Disputed):
        return _disputed(fact, about)
    if isinstance(fact, Flagged):
        warning = f"{fact.warning}_{purchase}"
        return PurchaseRiskFlagged(**about, warning=warning, reason="stolen")
    return _refund(fact, {**about, "refund": id_of(viewer, fact.refund)}, decisions)


def _paid(fact: Paid, about: dict[str, Any], now: datetime) -> Event:
    return PurchasePaid(
        **about,
        package="any",
        coins=fact.coins,
        bonus_coins=fact.bonus_coins,
        amount_minor=fact.price_minor,
        currency=fact.currency,
        channel="web",
        country="DE",
        provider="sandbox",
        payment=f"pay_{fact.purchase}",
        paid_at=now - timedelta(hours=10 - fact.age),
    )


def _disputed(fact: Disputed, about: dict[str, Any]) -> Event:
    said = {
        **about,
        "dispute": fact.dispute,
        "revision": fact.revision,
        "amount_minor": fact.amount_minor,
        "currency": fact.currency,
    }
    if fact.won is None:
        return PurchaseDisputed(**said, reason="fraudulent")
    return PurchaseDisputeClosed(**said, won=fact.won)


def _refund(
    fact: RefundRequested | Refunded | RefundDeclined, about: dict[str, Any], decisions: Decisions
) -> Event:
    if isinstance(fact, RefundRequested):
        return PurchaseRefundRequested(**about, requested_by="viewer")
    if isinstance(fact, RefundDeclined):
        return PurchaseRefundDeclined(**about, reason="provider")
    coins = dict(decisions.refunded)[fact.refund]
    return PurchaseRefunded(**about, coins=coins, amount_minor=coins, currency="USD")
