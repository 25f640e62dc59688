"""Each step of a purchase as a fact to publish."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from services.purchase.domain.disputes import DisputeClosed, Disputed
from services.purchase.domain.payment_consequences import RiskFlagged
from services.purchase.domain.purchases import DisputeState, Purchase
from services.purchase.domain.refunds import Refund, RefundState
from services.purchase.domain.transitions import (
    Completed,
    Expired,
    Failed,
    Paid,
    Step,
    Transition,
)
from shared.contracts.envelope import Cause
from shared.contracts.purchase import (
    PurchaseCompleted,
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchaseEvent,
    PurchaseExpired,
    PurchaseFailed,
    PurchasePaid,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRiskFlagged,
    RefundEvent,
)
from shared.messaging.facts import Fact

log = structlog.get_logger()


def facts_of(before: Purchase, transition: Transition, cause: Cause) -> list[Fact]:
    """Number the steps from the version they started at: one step, one version, one fact."""
    facts = []
    for sequence, step in enumerate(transition.steps, start=before.version + 1):
        event = _event(transition.purchase, step)
        log.info(event.name, purchase=event.subject)
        facts.append(Fact(event, sequence, cause))
    return facts


def refund_facts(
    purchase: Purchase,
    changed: Sequence[tuple[Refund, Refund]],
    cause: Cause,
    *,
    now: datetime,
) -> tuple[Purchase, list[Fact]]:
    """Return the facts of what became of refunds of a locked purchase, each its next version."""
    facts = []
    for before, after in changed:
        if before.state is after.state or after.is_open:
            continue
        purchase = replace(purchase, version=purchase.version + 1)
        event = _refund_event(after)
        log.info(event.name, purchase=event.subject, refund=str(after.id), reason=after.reason)
        facts.append(Fact(event, purchase.version, cause, now))
    return purchase, facts


def _refund_event(refund: Refund) -> RefundEvent:
    if refund.state is RefundState.REFUNDED:
        return PurchaseRefunded(
            purchase=refund.purchase,
            viewer=refund.viewer,
            refund=refund.id,
            coins=refund.coins,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            tax_minor=refund.tax_minor,
        )
    assert refund.reason is not None
    return PurchaseRefundDeclined(
        purchase=refund.purchase, viewer=refund.viewer, refund=refund.id, reason=refund.reason
    )


def _event(purchase: Purchase, step: Step) -> PurchaseEvent:  # noqa: PLR0911 - one a step
    viewer = purchase.viewer
    match step:
        case Paid():
            return _paid(purchase)
        case Completed():
            return PurchaseCompleted(purchase=purchase.id, viewer=viewer, coins=purchase.all_coins)
        case Failed(reason):
            return PurchaseFailed(purchase=purchase.id, viewer=viewer, reason=reason)
        case Expired():
            return PurchaseExpired(purchase=purchase.id, viewer=viewer)
        case Disputed(dispute):
            return PurchaseDisputed(
                purchase=purchase.id,
                viewer=viewer,
                dispute=dispute.id,
                revision=dispute.revision,
                amount_minor=dispute.amount_minor,
                currency=dispute.currency,
                reason=dispute.reason,
                evidence_due_at=dispute.evidence_due_at,
            )
        case DisputeClosed(dispute):
            return PurchaseDisputeClosed(
                purchase=purchase.id,
                viewer=viewer,
                dispute=dispute.id,
                revision=dispute.revision,
                amount_minor=dispute.amount_minor,
                currency=dispute.currency,
                won=dispute.state is DisputeState.WON,
            )
        case RiskFlagged(warning):
            return PurchaseRiskFlagged(
                purchase=purchase.id, viewer=viewer, warning=warning.id, reason=warning.reason
            )


def _paid(purchase: Purchase) -> PurchasePaid:
    assert purchase.payment is not None
    assert purchase.paid_at is not None
    return PurchasePaid(
        purchase=purchase.id,
        viewer=purchase.viewer,
        package=purchase.package,
        coins=purchase.coins,
        bonus_coins=purchase.all_bonus_coins,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        channel=purchase.channel,
        country=purchase.country,
        provider=purchase.provider,
        payment=purchase.payment,
        paid_at=purchase.paid_at,
        late=purchase.late,
        tax_country=purchase.tax_country,
        tax_rate_bp=purchase.tax_rate_bp,
        tax_minor=purchase.tax_minor,
        net_minor=purchase.net_minor,
        promo_coins=purchase.promo_coins,
        promo_expires_at=purchase.promo_expires_at,
        campaign=purchase.campaign if purchase.promo_coins else None,
        payment_fingerprint=purchase.payment_fingerprint,
    )
