"""
Why a person looks at a payout before it goes, who may decide, and what its creator is told.

A restriction of somebody's money needs a statement of reasons and a way to appeal (Regulation (EU)
2022/2065, Articles 17 and 20).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.payout.domain.fraud_rules import RISK_PREFIX, Finding, Mode
from services.payout.domain.payees import FIRST_PAYOUT, PAYEE_CHANGED, Payee
from services.payout.domain.payouts import Payout, State
from services.payout.domain.rates import Rules
from shared.errors import Kind, Refusal
from shared.identity.people import require_other_person, same_person

LARGE_AMOUNT = "large-amount"
FRAUD_WARNING = "fraud-warning"
REVERSED_GIFTS = "reversed-gifts"
# The money of gifts was taken back, or an earlier payout was paid after it had failed.
CLAWBACK, PAID_LATE = "clawback", "paid-late"
# The answer to a payout that was sent is missing: nobody reviews it, a person asks the provider.
UNRESOLVED = "provider-unknown"


class NotHeld(Refusal):
    """Only a payout that is under review waits for a decision."""

    kind = Kind.CONFLICT


class DecidedBefore(Refusal):
    """You have decided about this payout already; now a colleague has to."""

    kind = Kind.FORBIDDEN


class NotRejected(Refusal):
    """Only a payout that was rejected can be appealed."""

    kind = Kind.CONFLICT


class AppealTooLate(Refusal):
    """The time to appeal against this decision is over."""

    kind = Kind.CONFLICT


class AppealedAlready(Refusal):
    """You have appealed against this decision already."""

    kind = Kind.CONFLICT


class NoSuchAppeal(Refusal):
    """There is no appeal against this payout's rejection."""

    kind = Kind.NOT_FOUND


class AppealDecided(Refusal):
    """This appeal has been decided already."""

    kind = Kind.CONFLICT


class Verdict(StrEnum):
    """What an operator decided about a payout or about an appeal."""

    APPROVED = "approved"
    REJECTED = "rejected"
    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Ground(StrEnum):
    """What a rejection rests on: the operator's terms, or the law."""

    TERMS = "terms"
    LAW = "law"


@dataclass(frozen=True, slots=True)
class Words:
    """A reason in plain words, for the creator and for the operator."""

    creator: str
    operator: str


# Codes are stable, words are not. A creator learns enough to appeal; a thief learns no threshold.
REASONS = {
    FIRST_PAYOUT: Words(
        "It is your first payout, so a person checks that it goes to you.",
        "First payout of this creator.",
    ),
    PAYEE_CHANGED: Words(
        "The account for your money was replaced, so a person checks that it was you.",
        "The account was replaced: ask the creator over another channel.",
    ),
    LARGE_AMOUNT: Words(
        "A person looks at every payout of this size.",
        "The amount is above the limit for payouts by rule.",
    ),
    FRAUD_WARNING: Words(
        "A bank has warned that cards which paid for some of your gifts may be stolen.",
        "Early fraud warnings about lots that paid for this creator's diamonds.",
    ),
    REVERSED_GIFTS: Words(
        "Money for some of your recent gifts went back to those who had paid.",
        "Many coins of this creator's gifts were reversed lately: more may follow.",
    ),
    CLAWBACK: Words(
        "Money for gifts that you had received was taken back, and its diamonds were spent.",
        "Money behind the diamonds was taken back, and the creator does not have all of them.",
    ),
    UNRESOLVED: Words(
        "The payment provider has not said yet whether your money arrived.",
        "The provider can no longer be asked: find out at the bank, and resolve it.",
    ),
    PAID_LATE: Words(
        "An earlier payout arrived although it was reported as failed.",
        "An earlier payout was paid after it had failed: these diamonds may be paid twice.",
    ),
}
_RISK_WORDS = "A check for unusual activity found something that a person has to look at."


@dataclass(frozen=True, slots=True)
class Risks:
    """What is known of the money behind a creator's diamonds; the creator is locked."""

    flagged_lots: int
    reversed_coins: int


@dataclass(frozen=True, slots=True)
class Review:
    """Why a payout is under review since when, and by when a person decides."""

    creator: str
    payout: UUID
    # The version with which the payout went under review.
    revision: int
    reasons: tuple[str, ...]
    opened_at: datetime
    decide_by: datetime
    promised_by: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What one operator decided; a rejection has a ground, facts, and perhaps a clause."""

    operator: str
    revision: int
    decision: Verdict
    reason: str
    ground: Ground | None
    clause: str | None
    facts: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Appeal:
    """A creator's appeal, and what a person who had not decided before said to it."""

    creator: str
    payout: UUID
    text: str
    appealed_at: datetime
    decide_by: datetime
    decision: Verdict | None
    decided_at: datetime | None


def words_of(reason: str) -> Words:
    """Return the words of a reason's code; fraud rules have their own for the operator."""
    if reason.startswith(RISK_PREFIX):
        rule = reason.removeprefix(RISK_PREFIX)
        return Words(_RISK_WORDS, f"The fraud rule {rule} found something: read its findings.")
    return REASONS[reason]


def reasons_for(
    payee: Payee, value_minor: int, risks: Risks, *, findings: Iterable[Finding], rules: Rules
) -> tuple[str, ...]:
    """
    Return why a person has to look at a requested payout; nothing means that it goes by rule.

    What fraud rules in shadow found is no reason.
    """
    limits = rules.reviews
    reasons = [
        payee.review_reason,
        LARGE_AMOUNT if value_minor > limits.above_minor else None,
        FRAUD_WARNING if risks.flagged_lots else None,
        REVERSED_GIFTS if risks.reversed_coins >= limits.reversed_coins_min else None,
        *sorted(each.reason for each in findings if each.mode is Mode.ENFORCED),
    ]
    return tuple(reason for reason in reasons if reason is not None)


def open_review(payout: Payout, reasons: Sequence[str], now: datetime, rules: Rules) -> Review:
    """Return the review of a payout that goes under it with its present version."""
    assert payout.state is State.HELD
    return Review(
        creator=payout.creator,
        payout=payout.id,
        revision=payout.version,
        reasons=tuple(reasons),
        opened_at=now,
        decide_by=rules.reviews.decide_by(now, rules.time_zone),
        promised_by=rules.reviews.promised_by(now),
    )


def require_reviewer(operator: str, creator: str, decisions: Iterable[Decision]) -> None:
    """Refuse the creator, and whoever has decided about this payout before."""
    require_other_person(operator=operator, user=creator)
    if any(same_person(operator, each.operator) for each in decisions):
        raise DecidedBefore


def has_decided(
    operator: str, revision: int, verdict: Verdict, decisions: Iterable[Decision]
) -> bool:
    """Whether this is a repeat: the operator decided exactly so in this review."""
    return any(
        each.operator == operator and each.revision == revision and each.decision is verdict
        for each in decisions
    )


def is_agreed(payout: Payout, decisions: Iterable[Decision], rules: Rules) -> bool:
    """Whether enough people approved a payout in its present review."""
    approvals = sum(
        each.revision == payout.version and each.decision is Verdict.APPROVED for each in decisions
    )
    return approvals >= approvals_needed(payout, rules)


def approvals_needed(payout: Payout, rules: Rules) -> int:
    return 2 if payout.value_minor > rules.reviews.dual_above_minor else 1


def require_appealable(
    payout: Payout, rejection: Decision | None, *, now: datetime, rules: Rules
) -> None:
    """Refuse an appeal against what was not rejected by a person, or too long ago."""
    if payout.state is not State.REJECTED or rejection is None:
        raise NotRejected(state=payout.state.value)
    until = rules.reviews.appeal_until(rejection.at)
    if now > until:
        raise AppealTooLate(appeal_until=until)


def rejection_in(decisions: Iterable[Decision]) -> Decision | None:
    """Return the decision that rejected a payout, if one did."""
    return next((each for each in decisions if each.decision is Verdict.REJECTED), None)
