"""
Giving money back for coins that were not used: asked for, frozen, weighed, burnt.

`refund_attempts` is where the provider is asked for the money.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import (
    PurchaseDisputed,
    Refund,
    RefundOpen,
    RefundPolicy,
    is_disputed,
    require_paid,
)
from services.purchase.store import money, purchases, refunds
from shared.backoffice.adjustments import audit
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.purchase import PurchaseRefundRequested
from shared.idempotency import Key, KeyReused, count_key
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

ROUTE = "/v1/purchases/{purchase}/refunds"
OPERATOR_ROUTE = "/v1/operator/purchases/{viewer}/{purchase}/refunds"


@dataclass(frozen=True, slots=True)
class RefundWish:
    """Which purchase somebody wants money back for; `operator` if it is not its viewer."""

    viewer: str
    purchase: UUID
    key: str
    request_hash: bytes
    operator: str | None = None
    reason: str = ""

    @property
    def id(self) -> UUID:
        """Only its viewer and operators see it: it names no viewer to others."""
        return uuid5(NAMESPACE, f"refund|{self.viewer}\n{self.stored_key}")

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
        """By which door it came."""
        return ROUTE if self.operator is None else OPERATOR_ROUTE


async def request_refund(
    tx: Transaction,
    wish: RefundWish,
    policy: RefundPolicy,
    limits: PurchaseQuotas | None = None,
) -> Refund:
    """Remember who wants money back for what; the wallet answers what is unused."""
    if (known := await _recorded(tx, wish)) is not None:
        return known
    found = await purchases.lock(tx, [(wish.viewer, wish.purchase)])
    purchase = found.get((wish.viewer, wish.purchase))
    if purchase is None:
        raise NoSuchPurchase(purchase=wish.purchase)
    # The same key at the same moment: the other request has committed by now.
    if (known := await _recorded(tx, wish)) is not None:
        return known
    now = datetime.now(UTC)
    if wish.operator is None:
        policy.require_refundable(purchase, now=now)
    else:
        require_paid(purchase)
    if is_disputed(purchase, (await money.disputes(tx, purchase)).values()):
        raise PurchaseDisputed(purchase=wish.purchase)
    if wish.operator is None:
        await quotas.use(tx, wish.viewer, (limits or PurchaseQuotas()).refund_requests)
    refund = Refund(
        viewer=wish.viewer,
        purchase=wish.purchase,
        id=wish.id,
        requested_by="viewer" if wish.operator is None else "operator",
        currency=purchase.currency,
        requested_at=now,
    )
    if not await refunds.add(tx, refund, key=wish.stored_key, request_hash=wish.request_hash):
        # The same key at the same moment, or another refund of this purchase.
        if (known := await _recorded(tx, wish)) is not None:
            return known
        raise RefundOpen(purchase=wish.purchase)
    if wish.operator is not None:
        await audit(
            tx,
            operator=wish.operator,
            action="refund.requested",
            user=wish.viewer,
            reason=wish.reason,
            purchase=wish.purchase,
            refund=refund.id,
        )
    event = PurchaseRefundRequested(
        purchase=purchase.id,
        viewer=purchase.viewer,
        refund=refund.id,
        requested_by=refund.requested_by,
    )
    purchase = replace(purchase, version=purchase.version + 1)
    await purchases.save(tx, [purchase], now=now)
    cause = Cause(purchase.correlation_id)
    await publish(tx, [Fact(event, purchase.version, cause, now)], archive=True)
    tx.after_commit(lambda: count_key(wish.route, Key.NEW))
    return refund


async def _recorded(tx: Transaction, wish: RefundWish) -> Refund | None:
    """Return the refund that was asked for under this key before; refuse another wish."""
    known = await refunds.of_key(tx, wish.viewer, wish.stored_key)
    if known is None and wish.operator is not None:
        former_key = f"{wish.operator} {wish.key}"[:255]
        known = await refunds.of_former_key(tx, wish.viewer, former_key, operator=wish.operator)
    if known is None:
        return None
    refund, request_hash = known
    if request_hash != wish.request_hash:
        raise KeyReused(refund=refund.id)
    tx.after_commit(lambda: count_key(wish.route, Key.REPEATED))
    return refund


async def read_refunds(tx: Transaction, viewer: str, purchase: UUID) -> list[Refund]:
    """Return the refunds of a viewer's own purchase, the newest first."""
    if await purchases.purchase(tx, viewer, purchase) is None:
        raise NoSuchPurchase(purchase=purchase)
    return await refunds.of_purchase(tx, viewer, purchase)
