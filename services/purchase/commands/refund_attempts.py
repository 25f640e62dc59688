"""
Attempts to send a refund to the provider: after any number of them, money goes back once.

A documented rejection is one; every other failure says nothing. Then we look at the payment, and
send the refund again under the same key for as long as the provider remembers it. After that a
person has to find out. A decided refund is looked at again later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.purchase.commands.answers import apply_answers
from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import report
from services.purchase.commands.refund_decisions import write_decisions
from services.purchase.commands.status_polls import is_foreign_answer
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.purchases import Payment, Purchase
from services.purchase.domain.refund_evidence import Answer, Turn, is_past, next_turn
from services.purchase.domain.refunds import DISPUTED, Refund, RefundState, is_disputed
from services.purchase.providers import (
    Payments,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
)
from services.purchase.store import disputes, purchases, refund_attempts, refunds
from shared.contracts.envelope import Cause
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 50


@dataclass(frozen=True, slots=True)
class Attempt:
    """A refund whose turn it is, what to do about it, and the purchase it is of."""

    refund: Refund
    purchase: Purchase
    turn: Turn


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The provider's answer to the refund, and its payment if we could look at it."""

    answer: Answer
    payment: Payment | None


async def claim_refunds(tx: Transaction, providers: Providers) -> tuple[list[Attempt], bool]:
    """
    Take the refunds whose turn it is; return them, and whether there may be more.

    Whether one may still be sent is decided here, under the lock of its purchase: a dispute may
    have come since its coins are held.
    """
    now = datetime.now(UTC)
    due = await refund_attempts.due(tx, now=now, limit=CLAIMED_MAX)
    if not due:
        return [], False
    keys = sorted({key for key, _ in due})
    locked = await purchases.lock(tx, keys)
    of_purchases = await refunds.of_purchases(tx, keys)
    disputes_of = await disputes.of_purchases(tx, keys)
    claimed = await refund_attempts.claim(tx, [refund for _, refund in due], now=now)
    taken = []
    for key in keys:
        disputed = is_disputed(locked[key], disputes_of[key])
        window = providers[locked[key].provider].remembers_keys_for
        taken += [
            Attempt(each, locked[key], next_turn(each, disputed=disputed, now=now, window=window))
            for each in of_purchases[key]
            if each.id in claimed
        ]
    submitted = [each.refund.id for each in taken if each.turn is Turn.SUBMIT]
    await refund_attempts.mark_submitted(tx, submitted, now=now)
    await _decline(tx, [each for each in taken if each.turn is Turn.DECLINE], now)
    await _report_unresolved(tx, taken, providers, now=now)
    attempts = [each for each in taken if each.turn is not Turn.DECLINE]
    return attempts, len(due) == CLAIMED_MAX


async def run_attempt(provider: Payments, attempt: Attempt) -> AttemptResult:
    """Send a refund to the provider if it is due, and then look at its payment in any case."""
    refund, payment = attempt.refund, attempt.purchase.payment
    assert payment is not None
    answer = Answer(refund.id, attempt.turn)
    if attempt.turn is Turn.SUBMIT:
        answer = await _submit(provider, refund, payment)
    try:
        seen = await provider.read(payment)
    except ProviderUnavailable as error:
        log.warning("provider.unavailable", refund=str(refund.id), error=str(error)[:200])
        seen = None
    if seen is not None and is_foreign_answer(seen, attempt.purchase):
        seen = None
    return AttemptResult(answer, seen)


async def apply_attempt(
    database: Database, attempt: Attempt, result: AttemptResult, invoices: InvoiceRules = PLAIN
) -> None:
    """Write what the provider did, with its money, and publish it once."""
    polled = PolledStatus(attempt.purchase, result.payment, result.answer)
    part = database.part_for(attempt.purchase.viewer)
    await apply_answers(database, part, [polled], invoices)


async def _submit(provider: Payments, refund: Refund, payment: str) -> Answer:
    try:
        made = await provider.refund(payment, refund.id, amount_minor=refund.amount_minor)
    except ProviderUnavailable as error:
        log.warning("refund.unanswered", refund=str(refund.id), error=str(error)[:200])
        return Answer(refund.id, Turn.SUBMIT)
    except ProviderRejected as rejected:
        log.warning("refund.rejected", refund=str(refund.id), reason=rejected.reason)
        return Answer(refund.id, Turn.SUBMIT, refused=rejected.reason)
    return Answer(
        refund.id,
        Turn.SUBMIT,
        status=made.status,
        provider_refund=made.id,
        answered_at=datetime.now(UTC),
    )


async def _decline(tx: Transaction, declined: Sequence[Attempt], now: datetime) -> None:
    """Decline refunds that were never sent: the bank has been asked for the money meanwhile."""
    locked = {(each.refund.viewer, each.refund.purchase): each.purchase for each in declined}
    decided = [
        (
            each.refund,
            each.refund.declined(DISPUTED, now=now),
            Cause(each.purchase.correlation_id),
        )
        for each in declined
    ]
    await write_decisions(tx, locked, decided, now)


async def _report_unresolved(
    tx: Transaction, taken: Sequence[Attempt], providers: Providers, *, now: datetime
) -> None:
    """Report, once, refunds that are open and that the provider may have forgotten."""
    late = {
        each.refund.id: each.purchase
        for each in taken
        if each.refund.state is RefundState.HELD
        and is_past(
            each.refund, now=now, window=providers[each.purchase.provider].remembers_keys_for
        )
    }
    new: set[UUID] = await refund_attempts.mark_unresolved(tx, list(late), now=now)
    for refund in new:
        report(tx, Contradiction.REFUND_UNRESOLVED, purchase=late[refund])
