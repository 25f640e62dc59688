"""
Asking the provider for the money of a refund: however often, it is given back once.

A refusal that the provider documents is one; everything else says nothing. Then we look at the
payment, and ask again under the same key for as long as the provider remembers it. After that a
person has to find out. Whatever was decided is looked at again later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from services.purchase.commands.inquiries import is_foreign_answer
from services.purchase.commands.payments import apply_truth, report
from services.purchase.commands.refund_decisions import write_decisions
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import Payment, Purchase
from services.purchase.domain.refund_evidence import Answer, Turn, is_past, next_turn
from services.purchase.domain.refunds import DISPUTED, Refund, RefundState, is_disputed
from services.purchase.providers import Provider
from services.purchase.store import attempts, money, purchases, refunds
from shared.contracts.envelope import Cause
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.postgres.database import Transaction

log = structlog.get_logger()

CLAIMED_MAX = 50
# For how long the provider remembers our key: the field's usual promise.
KEY_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A refund whose turn it is, what to do about it, and the purchase it is of."""

    refund: Refund
    purchase: Purchase
    turn: Turn


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider said: to the refund, and of its payment if we could look at it."""

    answer: Answer
    payment: Payment | None


async def claim_refunds(
    tx: Transaction, *, window: timedelta = KEY_WINDOW
) -> tuple[list[Attempt], bool]:
    """
    Take the refunds whose turn it is; return them, and whether there may be more.

    Whether one may still be asked for is decided here, under the lock of its purchase: a dispute
    may have come since the coins were frozen.
    """
    now = datetime.now(UTC)
    due = await attempts.due(tx, now=now, limit=CLAIMED_MAX)
    if not due:
        return [], False
    keys = sorted({key for key, _ in due})
    locked = await purchases.lock(tx, keys)
    of_purchases = await refunds.of_purchases(tx, keys)
    disputes = await money.disputes_of(tx, keys)
    claimed = await attempts.claim(tx, [refund for _, refund in due], now=now)
    taken = []
    for key in keys:
        disputed = is_disputed(locked[key], disputes[key])
        taken += [
            Attempt(each, locked[key], next_turn(each, disputed=disputed, now=now, window=window))
            for each in of_purchases[key]
            if each.id in claimed
        ]
    submitted = [each.refund.id for each in taken if each.turn is Turn.SUBMIT]
    await attempts.submit(tx, submitted, now=now)
    await _decline(tx, [each for each in taken if each.turn is Turn.DECLINE], now)
    await _hand_over(tx, taken, now=now, window=window)
    asked = [each for each in taken if each.turn is not Turn.DECLINE]
    return asked, len(due) == CLAIMED_MAX


async def ask_provider(provider: Provider, attempt: Attempt) -> Told:
    """Ask the provider to give the money back, if that is to be done, and then look in any case."""
    refund, payment = attempt.refund, attempt.purchase.payment
    assert payment is not None
    answer = Answer(refund.id, attempt.turn)
    if attempt.turn is Turn.SUBMIT:
        answer = await _submit(provider, refund, payment)
    try:
        seen = await provider.read(payment)
    except ProviderUnavailable as error:
        log.warning("provider.silent", refund=str(refund.id), error=str(error)[:200])
        seen = None
    if seen is not None and is_foreign_answer(seen, attempt.purchase):
        seen = None
    return Told(answer, seen)


async def settle_refund(tx: Transaction, attempt: Attempt, told: Told) -> None:
    """Write what the provider did, with its money, and say so once."""
    await apply_truth(tx, attempt.purchase, told.payment, answer=told.answer)


async def _submit(provider: Provider, refund: Refund, payment: str) -> Answer:
    try:
        made = await provider.refund(payment, refund.id, amount_minor=refund.amount_minor)
    except ProviderUnavailable as error:
        log.warning("refund.unanswered", refund=str(refund.id), error=str(error)[:200])
        return Answer(refund.id, Turn.SUBMIT)
    except ProviderRejected as refused:
        log.warning("refund.refused", refund=str(refund.id), reason=refused.reason)
        return Answer(refund.id, Turn.SUBMIT, refused=refused.reason)
    return Answer(
        refund.id,
        Turn.SUBMIT,
        status=made.status,
        provider_refund=made.id,
        answered_at=datetime.now(UTC),
    )


async def _decline(tx: Transaction, declined: Sequence[Attempt], now: datetime) -> None:
    """Decline what nobody was asked for: the bank has been asked for the money meanwhile."""
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


async def _hand_over(
    tx: Transaction, taken: Sequence[Attempt], *, now: datetime, window: timedelta
) -> None:
    """Tell a person, once, of what the provider may have forgotten and nobody has decided."""
    late = {
        each.refund.id: each.purchase
        for each in taken
        if each.refund.state is RefundState.FROZEN and is_past(each.refund, now=now, window=window)
    }
    new: set[UUID] = await attempts.give_to_a_person(tx, list(late), now=now)
    for refund in new:
        report(tx, Contradiction.REFUND_UNRESOLVED, purchase=late[refund])
