"""
Applying what the provider says of a payment to everything it touches: the purchase itself, its
disputes, warnings and refunds, and the books.

It is one decision from one answer, under the purchase's lock, whoever asked: a webhook, the
janitor, or the turn of a refund.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from services.purchase.commands.books import post
from services.purchase.commands.entries import payment_entries, refund_entries
from services.purchase.commands.facts import facts_of, refund_facts
from services.purchase.domain import settlement
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
    Dispute,
    Payment,
    Purchase,
    RefundStatus,
    Standing,
    Truth,
)
from services.purchase.domain.refund_evidence import Answer, decline_open, made_minor, weigh
from services.purchase.domain.refunds import Refund, is_disputed
from services.purchase.domain.settlement import Settlement
from services.purchase.store import answers, money, purchases, refunds
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
    warned: set[str]
    refunds: list[Refund]

    @property
    def standings(self) -> dict[str, Standing]:
        return {payment: each.standing for payment, each in self.received.items()}

    def is_credited(self, payment: str) -> bool:
        return self.standings.get(payment) is Standing.CREDITED


@dataclass(frozen=True, slots=True)
class Decided:
    """What an answer leads to."""

    settled: Settlement
    refunds: list[Refund]
    contradictions: tuple[Contradiction, ...]


async def apply_truth(
    tx: Transaction, asked_about: Purchase, truth: Truth | None, *, answer: Answer | None = None
) -> tuple[Purchase, bool]:
    """
    Take the steps that the provider's word allows, and announce each once.

    `asked_about` is the purchase as it was when the provider was asked, `answer` what it said to
    the refund whose turn it was. Returns the purchase as it is now, and whether the truth was
    used: one that may be older than what is known is not, and has to be asked for again.
    """
    now = datetime.now(UTC)
    known = await _lock(tx, asked_about)
    applied = None
    if isinstance(truth, Payment):
        applied = await _applied(tx, known, truth.id)
        if is_stale(truth, applied):
            log.info("answer.stale", purchase=str(asked_about.id), payment=truth.id)
            truth = None
        else:
            truth = _fitted(tx, known, truth, applied)
    elif truth is not None and known.purchase.payment != asked_about.payment:
        truth = None
    if truth is None and answer is None:
        return known.purchase, False
    decided = _decide(known, truth, answer, now)
    purchase = await _write(tx, known, decided, now)
    await _write_money(tx, known, truth, decided, applied, answer)
    for contradiction in decided.contradictions:
        report(tx, contradiction, purchase=known.purchase, truth=truth)
    return purchase, truth is not None


def report(
    tx: Transaction, contradiction: Contradiction, *, purchase: Purchase, truth: Truth | None = None
) -> None:
    """Tell people of what cannot be; it is counted once it is kept."""
    log.error(
        "purchase.contradicted",
        kind=contradiction.value,
        purchase=str(purchase.id),
        payment=truth.id if isinstance(truth, Payment) else purchase.payment,
    )
    tx.after_commit(lambda: CONTRADICTIONS.labels(contradiction.value).inc())


async def _lock(tx: Transaction, purchase: Purchase) -> Known:
    key = (purchase.viewer, purchase.id)
    locked = (await purchases.lock(tx, [key]))[key]
    return Known(
        locked,
        await money.received(tx, locked),
        await money.disputes(tx, locked),
        await refunds.warnings(tx, *key),
        (await refunds.of_purchases(tx, [key]))[key],
    )


async def _applied(tx: Transaction, known: Known, payment: str) -> AppliedAnswer:
    """Return what was applied last; what came before that was remembered is in the disputes."""
    applied = await answers.applied_answer(tx, known.purchase, payment)
    if applied is not None:
        return applied
    announced = [each for each in known.disputes.values() if each.payment == payment]
    return AppliedAnswer(payment, given_back_minor=sum(map(claimed_minor, announced)))


def _fitted(tx: Transaction, known: Known, truth: Payment, applied: AppliedAnswer) -> Payment:
    """Return an answer that fits the money that came; tell people if it did not."""
    came = known.received.get(truth.id)
    if came is None or (came.amount_minor, came.currency) == (truth.amount_minor, truth.currency):
        return truth
    report(tx, Contradiction.PAYMENT_CHANGED, purchase=known.purchase, truth=truth)
    ours_minor = made_minor(known.refunds) if known.is_credited(truth.id) else 0
    elsewhere = known.disputes.get(elsewhere_id(truth.id))
    went_minor = elsewhere.amount_minor if elsewhere and claims(elsewhere) else 0
    return as_received(
        truth,
        came,
        refunded_minor=ours_minor + went_minor,
        fee_minor=applied.fee_minor or 0,
    )


def _decide(known: Known, truth: Truth | None, answer: Answer | None, now: datetime) -> Decided:
    """Weigh what is known of our refunds first: the rest of what went back went without us."""
    payment = truth if isinstance(truth, Payment) else None
    evidence = payment if payment is not None and known.is_credited(payment.id) else None
    elsewhere = known.disputes.get(elsewhere_id(evidence.id)) if evidence is not None else None
    weighed, contradictions = weigh(
        known.refunds,
        evidence,
        elsewhere_minor=claimed_minor(elsewhere),
        answer=answer,
        now=now,
    )
    settled = Settlement(known.purchase)
    if truth is not None:
        settled = settlement.settle(
            known.purchase,
            truth,
            standings=known.standings,
            disputes=known.disputes,
            now=now,
            ours_minor=made_minor(weighed),
            warned=known.warned,
            newer=payment is not None and payment.asked_at is not None,
        )
    decided = decline_open(
        weighed,
        disputed=is_disputed(settled.purchase, _after(known, settled).values()),
        answer=answer,
        looked=evidence is not None,
        now=now,
    )
    uncredited = settled.standing not in (None, Standing.CREDITED)
    more = (Contradiction.PAYMENT_UNCREDITED,) if uncredited else ()
    return Decided(settled, decided, (*settled.contradictions, *contradictions, *more))


def _after(known: Known, settled: Settlement) -> dict[str, Dispute]:
    return known.disputes | {each.id: each for each in settled.disputes}


async def _write(tx: Transaction, known: Known, decided: Decided, now: datetime) -> Purchase:
    """Write what became of a purchase and its refunds, and announce it."""
    before, settled = known.purchase, decided.settled
    cause = Cause(before.correlation_id)
    changed = _changed(known, decided)
    facts = facts_of(before, settled, cause)
    purchase, more = refund_facts(settled.purchase, changed, cause, now=now)
    if purchase != before:
        await purchases.save(tx, [purchase], now=now)
    await money.save_disputes(tx, before, settled.disputes)
    for step in settled.steps:
        if isinstance(step, RiskFlagged):
            await refunds.add_warning(
                tx,
                before.viewer,
                before.id,
                warning=step.warning.id,
                reason=step.warning.reason,
            )
    await refunds.save(tx, [after for _, after in changed], now=now)
    await publish(tx, [*facts, *more], archive=True)
    return purchase


async def _write_money(
    tx: Transaction,
    known: Known,
    truth: Truth | None,
    decided: Decided,
    applied: AppliedAnswer | None,
    answer: Answer | None,
) -> None:
    """Write what the answer says of the money, into the books as well."""
    purchase, settled = known.purchase, decided.settled
    entries = refund_entries(_changed(known, decided))
    if isinstance(truth, Payment):
        assert applied is not None
        if settled.standing is not None:
            await money.add_payment(
                tx, purchase, truth, settled.standing, now=truth.answered_at or datetime.now(UTC)
            )
        standing = settled.standing or known.standings.get(truth.id)
        given_back = 0
        if standing is not None:
            given_back = given_back_minor(
                _after(known, settled).values(), truth, credited=standing is Standing.CREDITED
            )
        more, applied = payment_entries(
            purchase,
            truth,
            standing,
            applied,
            is_new=settled.standing is not None,
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
