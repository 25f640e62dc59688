"""
What one answer of the provider changes of a purchase: decided here, written by `payments`.

It is one decision for all of it: the purchase, its disputes, warnings, refunds and books.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from services.purchase.commands.books import Entry
from services.purchase.commands.entries import lost_tax_entries, payment_entries, refund_entries
from services.purchase.commands.facts import facts_of, refund_facts
from services.purchase.domain import transitions
from services.purchase.domain.answers import AppliedAnswer, as_received, is_stale
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.country_evidence import Evidence, Verdict, evidence_of, judge
from services.purchase.domain.disputes import claimed_minor, claims, elsewhere_id, given_back_minor
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.known_money import KnownMoney
from services.purchase.domain.payment_consequences import RiskFlagged
from services.purchase.domain.purchases import (
    Allocation,
    Dispute,
    EarlyFraudWarning,
    Payment,
    ProviderStatus,
    Purchase,
    RefundStatus,
    WebhookEvent,
)
from services.purchase.domain.receipts import Receipt, receipts_due
from services.purchase.domain.refund_evidence import (
    Answer,
    decline_open,
    made_minor,
    made_tax_minor,
    weigh,
)
from services.purchase.domain.refunds import Refund, is_disputed
from services.purchase.domain.transitions import Transition
from shared.contracts.envelope import Cause
from shared.messaging.facts import Fact

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PolledStatus:
    """
    What the provider said of a purchase, which is here as it was when the provider was asked.

    `answer` is what it said to the refund whose turn it was, `webhook_event` what it was asked
    because of, `traceparent` the trace of the request that asked.
    """

    purchase: Purchase
    status: ProviderStatus | None
    answer: Answer | None = None
    webhook_event: WebhookEvent | None = None
    traceparent: str | None = None

    @property
    def key(self) -> tuple[str, UUID]:
        return self.purchase.viewer, self.purchase.id


@dataclass(frozen=True, slots=True)
class Change:
    """
    A purchase before and after, and all else that an answer changes.

    `is_used` says whether the status was used: one that may be older than what is known is not.
    """

    before: Purchase
    purchase: Purchase
    is_used: bool = False
    facts: Sequence[Fact] = ()
    disputes: Sequence[Dispute] = ()
    warnings: Sequence[EarlyFraudWarning] = ()
    refunds: Sequence[Refund] = ()
    # Money that came, and what it led to.
    received: tuple[Payment, Allocation] | None = None
    applied: AppliedAnswer | None = None
    entries: Sequence[Entry] = ()
    receipts: Sequence[Receipt] = ()
    contradictions: Sequence[Contradiction] = ()
    # What is new of the buyer's country, and what all of it is worth if that is new too.
    evidence: Sequence[Evidence] = ()
    verdict: Verdict | None = None


def decide_change(
    purchase: Purchase,
    money: KnownMoney,
    polled: PolledStatus,
    now: datetime,
    invoices: InvoiceRules = PLAIN,
) -> Change:
    """Decide what an answer changes of a locked purchase."""
    status, reported = _usable(purchase, money, polled)
    if status is None and polled.answer is None:
        return Change(purchase, purchase)
    transition, refunds, contradictions = _decide(
        purchase, money, status, polled.answer, now, invoices
    )
    changed = [pair for pair in zip(money.refunds, refunds, strict=True) if pair[0] != pair[1]]
    cause = Cause(purchase.correlation_id, traceparent=polled.traceparent)
    facts = facts_of(purchase, transition, cause)
    after, refunded = refund_facts(transition.purchase, changed, cause, now=now)
    entries, applied = _money_changes(money, after, transition, status, polled.answer, refunds)
    evidence, verdict = _evidence(money, after, transition, status)
    received = None
    if isinstance(status, Payment) and transition.allocation is not None:
        received = (status, transition.allocation)
    return Change(
        before=purchase,
        purchase=after,
        is_used=status is not None,
        facts=(*facts, *refunded),
        disputes=transition.disputes,
        warnings=[step.warning for step in transition.steps if isinstance(step, RiskFlagged)],
        refunds=[each for _, each in changed],
        received=received,
        applied=applied,
        entries=[*refund_entries(after, changed), *entries],
        receipts=_receipts(after, transition, changed, invoices, now),
        contradictions=(*reported, *contradictions),
        evidence=evidence,
        verdict=verdict,
    )


def _evidence(
    money: KnownMoney,
    purchase: Purchase,
    transition: Transition,
    status: ProviderStatus | None,
) -> tuple[Sequence[Evidence], Verdict | None]:
    """Return what an answer about a sale adds to the evidence of the buyer's country."""
    is_new = transition.allocation is Allocation.APPLIED
    if not isinstance(status, Payment) or not (is_new or money.is_credited(status.id)):
        return (), None
    evidence = evidence_of(purchase, status)
    verdict = judge(money.evidence | evidence)
    is_news = is_new or verdict is not judge(money.evidence)
    return sorted(evidence - money.evidence), verdict if is_news else None


def _receipts(
    purchase: Purchase,
    transition: Transition,
    changed: Sequence[tuple[Refund, Refund]],
    invoices: InvoiceRules,
    now: datetime,
) -> list[Receipt]:
    """Who sells now says which sales have a receipt; those that have one have credit notes."""
    seller = invoices.seller
    if seller is None:
        return []
    is_ours = invoices.seller_in(purchase.channel) is not None
    is_sold = is_ours and transition.allocation is Allocation.APPLIED
    return list(receipts_due(purchase, is_sold=is_sold, refunds=changed, seller=seller, now=now))


def _usable(
    purchase: Purchase, money: KnownMoney, polled: PolledStatus
) -> tuple[ProviderStatus | None, tuple[Contradiction, ...]]:
    """Return the status as it fits what is known, or None if that may be newer."""
    status = polled.status
    if isinstance(status, Payment):
        applied = money.applied_answer(status.id)
        if is_stale(status, applied):
            log.info("answer.stale", purchase=str(purchase.id), payment=status.id)
            return None, ()
        return _fitted(money, status, applied)
    if status is not None and purchase.payment != polled.purchase.payment:
        return None, ()
    return status, ()


def _fitted(
    money: KnownMoney, status: Payment, applied: AppliedAnswer
) -> tuple[Payment, tuple[Contradiction, ...]]:
    """Return an answer that fits the money that came, and what it contradicts if it did not."""
    came = money.received.get(status.id)
    if came is None or (came.amount_minor, came.currency) == (status.amount_minor, status.currency):
        return status, ()
    ours_minor = made_minor(money.refunds) if money.is_credited(status.id) else 0
    elsewhere = money.disputes.get(elsewhere_id(status.id))
    went_minor = elsewhere.amount_minor if elsewhere and claims(elsewhere) else 0
    fitted = as_received(
        status,
        came,
        refunded_minor=ours_minor + went_minor,
        fee_minor=applied.fee_minor or 0,
    )
    return fitted, (Contradiction.PAYMENT_CHANGED,)


def _decide(
    purchase: Purchase,
    money: KnownMoney,
    status: ProviderStatus | None,
    answer: Answer | None,
    now: datetime,
    invoices: InvoiceRules,
) -> tuple[Transition, list[Refund], tuple[Contradiction, ...]]:
    """Weigh what is known of our refunds first: the rest of what went back went without us."""
    payment = status if isinstance(status, Payment) else None
    evidence = payment if payment is not None and money.is_credited(payment.id) else None
    elsewhere = money.disputes.get(elsewhere_id(evidence.id)) if evidence is not None else None
    weighed, contradictions = weigh(
        money.refunds,
        evidence,
        elsewhere_minor=claimed_minor(elsewhere),
        answer=answer,
        now=now,
    )
    transition = Transition(purchase)
    if status is not None:
        transition = transitions.take_steps(
            purchase,
            status,
            allocations=money.allocations,
            disputes=money.disputes,
            now=now,
            ours_minor=made_minor(weighed),
            known_warnings=money.warnings,
            newer=payment is not None and payment.asked_at is not None,
            taxes=invoices.taxes,
        )
    refunds = decline_open(
        weighed,
        disputed=is_disputed(transition.purchase, _disputes_after(money, transition)),
        answer=answer,
        looked=evidence is not None,
        now=now,
    )
    uncredited = transition.allocation not in (None, Allocation.APPLIED)
    more = (Contradiction.PAYMENT_UNCREDITED,) if uncredited else ()
    return transition, refunds, (*transition.contradictions, *contradictions, *more)


def _disputes_after(money: KnownMoney, transition: Transition) -> list[Dispute]:
    return list({**money.disputes, **{each.id: each for each in transition.disputes}}.values())


def _money_changes(
    money: KnownMoney,
    purchase: Purchase,
    transition: Transition,
    status: ProviderStatus | None,
    answer: Answer | None,
    refunds: Sequence[Refund],
) -> tuple[list[Entry], AppliedAnswer | None]:
    """Return the entries of what an answer says of the money, and that it was applied."""
    entries: list[Entry] = []
    applied: AppliedAnswer | None = None
    allocation: Allocation | None = Allocation.APPLIED
    if isinstance(status, Payment):
        allocation = transition.allocation or money.allocations.get(status.id)
        given_back = 0
        if allocation is not None:
            given_back = given_back_minor(
                _disputes_after(money, transition),
                status,
                credited=allocation is Allocation.APPLIED,
            )
        entries, applied = payment_entries(
            purchase,
            status,
            allocation,
            money.applied_answer(status.id),
            is_new=transition.allocation is not None,
            given_back_minor=given_back,
            refunded_minor=made_minor(refunds) if allocation is Allocation.APPLIED else 0,
        )
    elif answer is not None and purchase.payment is not None:
        applied = money.applied_answer(purchase.payment)
    if applied is not None and allocation is Allocation.APPLIED:
        lost, applied = lost_tax_entries(
            purchase, applied, refunded_tax_minor=made_tax_minor(refunds)
        )
        entries += lost
    if applied is not None and answer is not None and answer.status is RefundStatus.SUCCEEDED:
        applied = replace(applied, ignored_before=answer.answered_at)
    return entries, applied
