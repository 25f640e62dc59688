"""What follows from a payment that came: its disputes, what went back of it, and warnings."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.disputes import (
    DisputeStep,
    distinct,
    follow_disputes,
    follow_evidence,
    is_foreign,
    one_of_each,
    refunded_elsewhere,
    with_evidence_of,
)
from services.purchase.domain.purchases import (
    Allocation,
    Dispute,
    DisputeState,
    EarlyFraudWarning,
    Payment,
    Status,
)


@dataclass(frozen=True, slots=True)
class RiskFlagged:
    """The provider warns that it may be fraud."""

    warning: EarlyFraudWarning


@dataclass(frozen=True, slots=True)
class Followed:
    """What the disputes, refunds and warnings of one payment lead to."""

    steps: tuple[DisputeStep | RiskFlagged, ...]
    disputes: tuple[Dispute, ...]
    contradictions: tuple[Contradiction, ...]


def follow_payment(
    payment: Payment,
    known: Mapping[str, Dispute],
    *,
    allocation: Allocation | None,
    ours_minor: int,
    known_warnings: Container[str],
    newer: bool,
) -> Followed:
    """Follow what is said of money that came; of money that did not, disputes are recorded."""
    credited = allocation is Allocation.APPLIED
    once, contradicts_itself = one_of_each(payment.disputes)
    listed = tuple(distinct(dispute, known) for dispute in once)
    foreign = tuple(each for each in listed if is_foreign(each, payment.currency))
    elsewhere = refunded_elsewhere(payment, known, ours_minor=ours_minor if credited else 0)
    moved, steps = follow_disputes(
        (*(each for each in listed if each not in foreign), *elsewhere),
        known,
        credited=credited,
        newer=newer,
    )
    if allocation is None:
        return Followed((), moved, ())
    aside, warnings, contradictions = _set_aside(
        payment, foreign, known, credited=credited, newer=newer
    )
    if contradicts_itself:
        contradictions = (*contradictions, Contradiction.DISPUTE_STATES)
    new = {
        each.id: each for each in (*payment.warnings, *warnings) if each.id not in known_warnings
    }
    flags = tuple(RiskFlagged(warning) for warning in new.values()) if credited else ()
    return Followed((*steps, *flags), (*moved, *aside), contradictions)


def _set_aside(
    payment: Payment,
    listed: tuple[Dispute, ...],
    known: Mapping[str, Dispute],
    *,
    credited: bool,
    newer: bool,
) -> tuple[tuple[Dispute, ...], tuple[EarlyFraudWarning, ...], tuple[Contradiction, ...]]:
    """
    Keep what contradicts the payment apart from what is followed, for a person to decide.

    A dispute in another currency is recorded; its number takes nothing away. Coins and
    diamonds wait meanwhile, as they do when the provider warns.
    """
    moved, warnings, contradictions = [], [], []
    for answered in listed:
        before = known.get(answered.id)
        dispute = follow_evidence(answered, before, newer=newer)
        # Its number takes nothing away once it was followed in the payment's currency.
        kept = dispute if before is None or not before.revision else before
        kept = with_evidence_of(kept, dispute)
        if kept != before:
            moved.append(kept)
        if before is not None and (before.state, before.amount_minor, before.currency) == (
            dispute.state,
            dispute.amount_minor,
            dispute.currency,
        ):
            continue
        contradictions.append(Contradiction.DISPUTE_CURRENCY)
        if credited and dispute.state is not DisputeState.WON:
            reason = Contradiction.DISPUTE_CURRENCY.value
            warnings.append(EarlyFraudWarning(f"dispute:{dispute.id}"[:128], reason))
    if newer and payment.status is not Status.SUCCEEDED:
        contradictions.append(Contradiction.PAYMENT_STATUS)
        if credited:
            reason = Contradiction.PAYMENT_STATUS.value
            warnings.append(EarlyFraudWarning(f"status:{payment.id}"[:128], reason))
    return tuple(moved), tuple(warnings), tuple(contradictions)
