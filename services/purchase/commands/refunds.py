"""
Refunds of unused coins: requested here, priced once the wallet holds the coins, then sent.

`refund_decisions` prices and completes them, `refund_attempts` sends them to the provider.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.purchase.domain.purchases import NoSuchPurchase, Purchase
from services.purchase.domain.refunds import (
    PurchaseDisputed,
    Refund,
    RefundOpen,
    is_disputed,
    require_paid,
)
from services.purchase.domain.rules import Rules
from services.purchase.store import disputes, purchases, refunds
from shared.backoffice.adjustments import audit
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.purchase import PurchaseRefundRequested
from shared.idempotency import KeyReused, record_key
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

ROUTE = "/v1/purchases/{purchase}/refunds"
OPERATOR_ROUTE = "/v1/operator/purchases/{viewer}/{purchase}/refunds"


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Which purchase to refund; `operator` if the request is not its viewer's."""

    viewer: str
    purchase: UUID
    key: str
    request_hash: bytes
    operator: str | None = None
    reason: str = ""

    @property
    def id(self) -> UUID:
        """Only its viewer and operators see it: it names no viewer to others."""
        return refund_id(self.viewer, self.stored_key)

    @property
    def stored_key(self) -> str:
        """
        The key among those of the viewer's refunds; an operator's has the operator in front.

        Neither an id nor a key contains a line break: no viewer can take an operator's key, and no
        two pairs of operator and key are one.
        """
        return self.key if self.operator is None else f"{self.operator}\n{self.key}"

    @property
    def route(self) -> str:
        """The path of the request."""
        return ROUTE if self.operator is None else OPERATOR_ROUTE


async def request_refund(tx: Transaction, order: RefundOrder, rules: Rules) -> Refund:
    """Record the request of a refund; the wallet answers what is unused."""
    if (known := await _recorded(tx, order)) is not None:
        return known
    found = await purchases.lock(tx, [(order.viewer, order.purchase)])
    purchase = found.get((order.viewer, order.purchase))
    if purchase is None:
        raise NoSuchPurchase(purchase=order.purchase)
    # The same key at the same moment: the other request has committed by now.
    if (known := await _recorded(tx, order)) is not None:
        return known
    now = datetime.now(UTC)
    await _require_refundable(tx, purchase, order, rules, now)
    refund = Refund(
        viewer=order.viewer,
        purchase=order.purchase,
        id=order.id,
        requested_by="viewer" if order.operator is None else "operator",
        currency=purchase.currency,
        requested_at=now,
    )
    if not await refunds.add(tx, refund, key=order.stored_key, request_hash=order.request_hash):
        # The same key at the same moment, or another refund of this purchase.
        if (known := await _recorded(tx, order)) is not None:
            return known
        raise RefundOpen(purchase=order.purchase)
    if order.operator is not None:
        await audit(
            tx,
            operator=order.operator,
            action="refund.requested",
            user=order.viewer,
            reason=order.reason,
            purchase=order.purchase,
            refund=refund.id,
        )
    purchase, fact = refund_requested(purchase, refund)
    await purchases.save(tx, [purchase], now=now)
    await publish(tx, [fact], archive=True)
    tx.after_commit(lambda: record_key(order.route, is_new=True))
    return refund


def refund_id(viewer: str, stored_key: str) -> UUID:
    """Derive the id of a refund from its key among those of its viewer."""
    return uuid5(NAMESPACE, f"refund|{viewer}\n{stored_key}")


def refund_requested(purchase: Purchase, refund: Refund) -> tuple[Purchase, Fact]:
    """Return the fact that a refund was requested, as the next version of its purchase."""
    event = PurchaseRefundRequested(
        purchase=purchase.id,
        viewer=purchase.viewer,
        refund=refund.id,
        requested_by=refund.requested_by,
    )
    purchase = replace(purchase, version=purchase.version + 1)
    return purchase, Fact(
        event, purchase.version, Cause(purchase.correlation_id), refund.requested_at
    )


async def _require_refundable(
    tx: Transaction, purchase: Purchase, order: RefundOrder, rules: Rules, now: datetime
) -> None:
    """Refuse what the rules or a dispute forbid; an operator may refund any paid purchase."""
    if order.operator is None:
        rules.refunds.require_refundable(purchase, now=now)
    else:
        require_paid(purchase)
    if is_disputed(purchase, await disputes.of_purchase(tx, purchase)):
        raise PurchaseDisputed(purchase=order.purchase)
    if order.operator is None:
        await quotas.use(tx, order.viewer, rules.quotas.refund_requests)


async def _recorded(tx: Transaction, order: RefundOrder) -> Refund | None:
    """Return the refund that was requested under this key before; refuse another request."""
    known = await refunds.of_key(tx, order.viewer, order.stored_key)
    if known is None:
        return None
    refund, request_hash = known
    if request_hash != order.request_hash:
        raise KeyReused(refund=refund.id)
    tx.after_commit(lambda: record_key(order.route, is_new=False))
    return refund
