"""
Payments: a provider status, applied to the purchase, its disputes, warnings, refunds and books.

It is one decision from one answer, under the purchase's lock, for each source: a webhook event,
a due status poll, or the attempt of a refund.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from services.purchase.commands.books import post
from services.purchase.commands.entries import payment_entries, refund_entries
from services.purchase.commands.facts import facts_of, refund_facts
from services.purchase.domain import transitions
from services.purchase.domain.answers import AppliedAnswer, Received, as_received, is_stale
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.disputes import (
    claimed_minor,
    claims,
    elsewhere_id,
    given_back_minor,
)
from services.purchase.domain.payment_consequences import RiskFlagged
from services.purchase.domain.purchases import (
    Allocation,
    Dispute,
    Payment,
    ProviderStatus,
    Purchase,
    RefundStatus,
)
from services.purchase.domain.refund_evidence import Answer, decline_open, made_minor, weigh
from services.purchase.domain.refunds import Refund, is_disputed
from services.purchase.domain.transitions import Transition
from services.purchase.store import answers, disputes, payments, purchases, refunds
from shared.contracts.envelope import Cause
from shared.messaging.outbox import publish
from shared.observability.metrics import CONTRADICTIONS
from shared.postgres.database import Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """A locked purchase, and what is known of its money."""

    purchase: Purchase
    received: dict[str, Received]
    disputes: dict[str, Dispute]
    known_warnings: set[str]
    refunds: list[Refund]

    @property
    def allocations(self) -> dict[str, Allocation]:
        return {payment: each.allocation for payment, each in self.received.items()}

    def is_credited(self, payment: str) -> bool:
        return self.allocations.get(payment) is Allocation.APPLIED


@dataclass(frozen=True, slots=True)
class Decided:
    """What an answer leads to."""

    transition: Transition
    refunds: list[Refund]
    contradictions: tuple[Contradiction, ...]


async def apply_provider_status(
    tx: Transaction,
    asked_about: Purchase,
    status: ProviderStatus | None,
    *,
    answer: Answer | None = None,
) -> tuple[Purchase, bool]:
    """
    Take the steps that the provider status allows, and publish each once.

    `asked_about` is the purchase as it was when the provider was asked, `answer` what it said to
    the refund whose turn it was. Returns the purchase as it is now, and whether the status was
    used: one that may be older than what is known is not, and has to be polled again.
    """
    now = datetime.now(UTC)
    known = await _lock(tx, asked_about)
    applied = None
    if isinstance(status, Payment):
        applied = await _applied(tx, known, status.id)
        if is_stale(status, applied):
            log.info("answer.stale", purchase=str(asked_about.id), payment=status.id)
            status = None
        else:
            status = _fitted(tx, known, status, applied)
    elif status is not None and known.purchase.payment != asked_about.payment:
        status = None
    if status is None and answer is None:
        return known.purchase, False
    decided = _decide(known, status, answer, now)
    purchase = await _write(tx, known, decided, now)
    await _write_money(tx, known, status, decided, applied, answer)
    for contradiction in decided.contradictions:
        report(tx, contradiction, purchase=known.purchase, status=status)
    return purchase, status is not None


def report(
    tx: Transaction,
    contradiction: Contradiction,
    *,
    purchase: Purchase,
    status: ProviderStatus | None = None,
) -> None:
    """Log a contradiction for a person to look at; it is counted once it is committed."""
    log.error(
        "purchase.contradicted",
        kind=contradiction.value,
        purchase=str(purchase.id),
        payment=status.id if isinstance(status, Payment) else purchase.payment,
    )
    tx.after_commit(lambda: CONTRADICTIONS.labels(contradiction.value).inc())


async def _lock(tx: Transaction, purchase: Purchase) -> Known:
    key = (purchase.viewer, purchase.id)
    locked = (await purchases.lock(tx, [key]))[key]
    return Known(
        locked,
        await payments.received(tx, locked),
        {each.id: each for each in await disputes.of_purchase(tx, locked)},
        await payments.warnings(tx, locked),
        (await refunds.of_purchases(tx, [key]))[key],
    )


async def _applied(tx: Transaction, known: Known, payment: str) -> AppliedAnswer:
    """Return what was applied last; what came before that was remembered is in the disputes."""
    applied = await answers.applied_answer(tx, known.purchase, payment)
    if applied is not None:
        return applied
    followed = [each for each in known.disputes.values() if each.payment == payment]
    return AppliedAnswer(payment, given_back_minor=sum(map(claimed_minor, followed)))


def _fitted(tx: Transaction, known: Known, status: Payment, applied: AppliedAnswer) -> Payment:
    """Return an answer that fits the money that came; report it if it did not."""
    came = known.received.get(status.id)
    if came is None or (came.amount_minor, came.currency) == (status.amount_minor, status.currency):
        return status
    report(tx, Contradiction.PAYMENT_CHANGED, purchase=known.purchase, status=status)
    ours_minor = made_minor(known.refunds) if known.is_credited(status.id) else 0
    elsewhere = known.disputes.get(elsewhere_id(status.id))
    went_minor = elsewhere.amount_minor if elsewhere and claims(elsewhere) else 0
    return as_received(
        status,
        came,
        refunded_minor=ours_minor + went_minor,
        fee_minor=applied.fee_minor or 0,
    )


def _decide(
    known: Known, status: ProviderStatus | None, answer: Answer | None, now: datetime
) -> Decided:
    """Weigh what is known of our refunds first: the rest of what went back went without us."""
    payment = status if isinstance(status, Payment) else None
    evidence = payment if payment is not None and known.is_credited(payment.id) else None
    elsewhere = known.disputes.get(elsewhere_id(evidence.id)) if evidence is not None else None
    weighed, contradictions = weigh(
        known.refunds,
        evidence,
        elsewhere_minor=claimed_minor(elsewhere),
        answer=answer,
        now=now,
    )
    transition = Transition(known.purchase)
    if status is not None:
        transition = transitions.take_steps(
            known.purchase,
            status,
            allocations=known.allocations,
            disputes=known.disputes,
            now=now,
            ours_minor=made_minor(weighed),
            known_warnings=known.known_warnings,
            newer=payment is not None and payment.asked_at is not None,
        )
    decided = decline_open(
        weighed,
        disputed=is_disputed(transition.purchase, _after(known, transition).values()),
        answer=answer,
        looked=evidence is not None,
        now=now,
    )
    uncredited = transition.allocation not in (None, Allocation.APPLIED)
    more = (Contradiction.PAYMENT_UNCREDITED,) if uncredited else ()
    return Decided(transition, decided, (*transition.contradictions, *contradictions, *more))


def _after(known: Known, transition: Transition) -> dict[str, Dispute]:
    return known.disputes | {each.id: each for each in transition.disputes}


async def _write(tx: Transaction, known: Known, decided: Decided, now: datetime) -> Purchase:
    """Write what became of a purchase and its refunds, and publish it."""
    before, transition = known.purchase, decided.transition
    cause = Cause(before.correlation_id)
    changed = _changed(known, decided)
    facts = facts_of(before, transition, cause)
    purchase, more = refund_facts(transition.purchase, changed, cause, now=now)
    if purchase != before:
        await purchases.save(tx, [purchase], now=now)
    await disputes.save(tx, before, transition.disputes)
    flagged = [step.warning for step in transition.steps if isinstance(step, RiskFlagged)]
    await payments.add_warnings(tx, before, flagged)
    await refunds.save(tx, [after for _, after in changed], now=now)
    await publish(tx, [*facts, *more], archive=True)
    return purchase


async def _write_money(
    tx: Transaction,
    known: Known,
    status: ProviderStatus | None,
    decided: Decided,
    applied: AppliedAnswer | None,
    answer: Answer | None,
) -> None:
    """Write what the answer says of the money, into the books as well."""
    purchase, transition = known.purchase, decided.transition
    entries = refund_entries(_changed(known, decided))
    if isinstance(status, Payment):
        assert applied is not None
        if transition.allocation is not None:
            await payments.add(
                tx,
                purchase,
                status,
                transition.allocation,
                now=status.answered_at or datetime.now(UTC),
            )
        allocation = transition.allocation or known.allocations.get(status.id)
        given_back = 0
        if allocation is not None:
            given_back = given_back_minor(
                _after(known, transition).values(),
                status,
                credited=allocation is Allocation.APPLIED,
            )
        more, applied = payment_entries(
            purchase,
            status,
            allocation,
            applied,
            is_new=transition.allocation is not None,
            given_back_minor=given_back,
        )
        entries += more
    elif answer is not None and purchase.payment is not None:
        applied = await _applied(tx, known, purchase.payment)
    if applied is not None:
        if answer is not None and answer.status is RefundStatus.SUCCEEDED:
            applied = replace(applied, ignored_before=answer.answered_at)
        await answers.save_answer(tx, purchase, applied)
    await post(tx, purchase.viewer, entries)


def _changed(known: Known, decided: Decided) -> list[tuple[Refund, Refund]]:
    pairs = zip(known.refunds, decided.refunds, strict=True)
    return [(before, after) for before, after in pairs if before != after]
