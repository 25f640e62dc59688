"""What a provider status proves about our refunds of the payment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import Payment, RefundSeen, RefundStatus, Status
from services.purchase.domain.refunds import DISPUTED, FAILED, Refund, RefundState

MINUTES, HOURS, DAYS = 60, 3_600, 86_400
# So long after it was decided, a refund that was sent is looked at again, for the first time and
# so on: a later webhook event may be lost.
LOOK_SECONDS = (10 * MINUTES, HOURS, 6 * HOURS, DAYS, 7 * DAYS, 30 * DAYS)


class Turn(StrEnum):
    """What to do about a refund whose turn it is."""

    SUBMIT = "submit"  # ask for it, under the same key as before
    LOOK = "look"  # only look what became of it
    DECLINE = "decline"  # it was never sent, and may not be any more


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the provider answered to a refund that was sent; `status` None if nothing that counts.

    `refused` is its reason for a rejection; `provider_refund` what it calls the refund.
    """

    refund: UUID
    turn: Turn
    status: RefundStatus | None = None
    refused: str | None = None
    provider_refund: str | None = None
    answered_at: datetime | None = None


def next_turn(refund: Refund, *, disputed: bool, now: datetime, window: timedelta) -> Turn:
    """
    Decide what to do about a refund, now that its purchase is locked.

    The provider remembers our key for so long. After that, asking again would be another refund:
    from then on it is only looked at, until the provider shows what became of it or a person
    decides. A disputed purchase is never refunded.
    """
    if refund.state is not RefundState.HELD:
        return Turn.LOOK
    if disputed:
        return Turn.LOOK if refund.is_sent else Turn.DECLINE
    if refund.provider_refund is not None or is_past(refund, now=now, window=window):
        return Turn.LOOK
    return Turn.SUBMIT


def is_past(refund: Refund, *, now: datetime, window: timedelta) -> bool:
    """Whether the provider may have forgotten our key."""
    return refund.is_sent and now >= (refund.submitted_at or refund.requested_at) + window


def weigh(
    refunds: Sequence[Refund],
    payment: Payment | None,
    *,
    elsewhere_minor: int,
    answer: Answer | None,
    now: datetime,
) -> tuple[list[Refund], list[Contradiction]]:
    """
    Return the refunds of one purchase as the evidence has them, and what contradicts it.

    What the provider lists under our reference is certain, and so is its answer to our asking. Of
    what it does not list, the sum of what went back is the evidence: if it covers a refund that
    was sent, and nothing else accounts for it, the money has gone; if it no longer covers one that
    was made, the money is back. `elsewhere_minor` is known to have gone back without us.
    """
    listed = _listed(payment.refunds) if payment is not None else {}
    weighed, contradictions = [], []
    for refund in refunds:
        seen = listed.get(str(refund.id))
        after = _by_status(refund, *_status(refund, seen, answer), now=now)
        contradictions += _contradictions(refund, seen)
        weighed.append(after)
    if payment is not None and payment.status is Status.SUCCEEDED:
        just_made = {answer.refund} if answer and answer.status is RefundStatus.SUCCEEDED else set()
        unlisted = {each.id for each in weighed if str(each.id) not in listed}
        weighed = _covered(weighed, payment, elsewhere_minor, unlisted, now)
        weighed = _uncovered(weighed, payment, unlisted - just_made, now)
    return weighed, contradictions


def decline_open(
    refunds: Sequence[Refund], *, disputed: bool, answer: Answer | None, looked: bool, now: datetime
) -> list[Refund]:
    """
    Decline what will not be refunded, after all that the evidence proves.

    What was sent is declined only in its own turn, when nothing is under way, and after a look at
    the payment: an answer that never came may have been a yes.
    """
    decided = []
    for refund in refunds:
        own = answer is not None and answer.refund == refund.id and looked
        accepted = refund.provider_refund is not None
        if not refund.is_open:
            pass
        elif disputed and not refund.is_sent:
            refund = refund.declined(DISPUTED, now=now)  # noqa: PLW2901
        elif own and answer is not None and (answer.refused or answer.turn is Turn.LOOK):
            if disputed and not accepted:
                refund = refund.declined(DISPUTED, now=now)  # noqa: PLW2901
            elif answer.refused:
                refund = refund.declined(answer.refused, now=now)  # noqa: PLW2901
        decided.append(refund)
    return decided


def made_minor(refunds: Sequence[Refund]) -> int:
    """Return what went back because we asked for it."""
    return sum(each.amount_minor for each in refunds if each.state is RefundState.REFUNDED)


def made_tax_minor(refunds: Sequence[Refund]) -> int:
    """Return how much of what went back because we asked for it is tax."""
    return sum(each.tax_minor for each in refunds if each.state is RefundState.REFUNDED)


def _listed(seen: Sequence[RefundSeen]) -> dict[str | None, RefundSeen]:
    """Return what is listed by our reference; of several, the one that took money furthest."""
    statuses = (RefundStatus.FAILED, RefundStatus.PENDING, RefundStatus.SUCCEEDED)
    found: dict[str | None, RefundSeen] = {}
    for each in seen:
        before = found.get(each.reference, each)
        found[each.reference] = max(before, each, key=lambda one: statuses.index(one.status))
    return found


def _status(
    refund: Refund, seen: RefundSeen | None, answer: Answer | None
) -> tuple[RefundStatus | None, str | None]:
    """What the provider says of a refund by name; its list is newer than its answer."""
    if seen is not None:
        return seen.status, seen.id
    if answer is not None and answer.refund == refund.id:
        return answer.status, answer.provider_refund
    return None, None


def _by_status(
    refund: Refund, status: RefundStatus | None, provider_refund: str | None, *, now: datetime
) -> Refund:
    if status is RefundStatus.PENDING and refund.state is RefundState.HELD:
        return replace(refund, provider_refund=provider_refund)
    if status is RefundStatus.SUCCEEDED and refund.state is RefundState.HELD:
        return refund.refunded(now=now)
    if status is RefundStatus.FAILED and refund.state in (RefundState.HELD, RefundState.REFUNDED):
        return refund.declined(FAILED, now=now)
    return refund


def _contradictions(refund: Refund, seen: RefundSeen | None) -> list[Contradiction]:
    if seen is None or seen.status is RefundStatus.FAILED:
        return []
    if refund.state is RefundState.DECLINED:
        return [Contradiction.REFUND_CONTRADICTED]
    return [Contradiction.REFUND_AMOUNT] if seen.amount_minor != refund.amount_minor else []


def _covered(
    refunds: Sequence[Refund],
    payment: Payment,
    elsewhere_minor: int,
    unlisted: set[UUID],
    now: datetime,
) -> list[Refund]:
    """Take for made what was sent, and is covered by what went back beyond all others."""
    left_minor = payment.refunded_minor - made_minor(refunds) - elsewhere_minor
    found = []
    for refund in refunds:
        is_asked = refund.state is RefundState.HELD and refund.is_sent and refund.id in unlisted
        if is_asked and refund.amount_minor <= left_minor:
            left_minor -= refund.amount_minor
            refund = refund.refunded(now=now)  # noqa: PLW2901
        found.append(refund)
    return found


def _uncovered(
    refunds: Sequence[Refund], payment: Payment, unlisted: set[UUID], now: datetime
) -> list[Refund]:
    """Take for failed what was made and is no longer covered, the newest first."""
    missing_minor = made_minor(refunds) - payment.refunded_minor
    failed: set[UUID] = set()
    for refund in sorted(refunds, key=lambda each: (each.requested_at, each.id), reverse=True):
        if missing_minor > 0 and refund.state is RefundState.REFUNDED and refund.id in unlisted:
            missing_minor -= refund.amount_minor
            failed.add(refund.id)
    return [each.declined(FAILED, now=now) if each.id in failed else each for each in refunds]
