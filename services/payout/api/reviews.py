"""What a creator, or an operator, is told about the review of a payout, and about an appeal."""

from datetime import datetime

from pydantic import BaseModel

from services.payout.commands.queries import PayoutStory
from services.payout.domain.payouts import State
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import Ground, Verdict, rejection_in, words_of


class ReasonResponse(BaseModel):
    """Why a person looks at a payout: a stable code, and plain words."""

    code: str
    words: str


class ReviewResponse(BaseModel):
    """
    A review that waits for a person, found necessary by rules.

    A decision is due at `decide_by`; `promised_by` is the latest that the creator was promised.
    """

    reasons: list[ReasonResponse]
    opened_at: datetime
    decide_by: datetime
    promised_by: datetime


class StatementOfReasons(BaseModel):
    """
    Why a payout was rejected (Regulation (EU) 2022/2065, Article 17).

    The payout ended, and its diamonds are the creator's again. `found_by_rules` says that rules
    noticed it; a person decided. `clause` is of the operator's terms or of a law, as `ground` says.
    """

    ground: Ground
    clause: str | None
    facts: str
    reasons: list[ReasonResponse]
    found_by_rules: bool
    decided_by_machine: bool
    decided_at: datetime
    appeal_until: datetime
    how_to_appeal: str


class AppealResponse(BaseModel):
    """An appeal, and what another person decided about it; `reason` is in that person's words."""

    text: str
    appealed_at: datetime
    decide_by: datetime
    decision: Verdict | None
    reason: str | None
    decided_at: datetime | None


HOW_TO_APPEAL = (
    "Say within the time given why you do not agree. Somebody who has not decided about this payout"
    " before looks at it again. You may also go to a court, or to a certified out-of-court body."
)


def reason_responses(reasons: tuple[str, ...]) -> list[ReasonResponse]:
    """Say reasons as a creator may read them."""
    return [ReasonResponse(code=each, words=words_of(each).creator) for each in reasons]


def review_response(story: PayoutStory) -> ReviewResponse | None:
    """Return the review that is still open."""
    review = story.review
    if review is None or story.payout.state is not State.HELD:
        return None
    return ReviewResponse(
        reasons=reason_responses(review.reasons),
        opened_at=review.opened_at,
        decide_by=review.decide_by,
        promised_by=review.promised_by,
    )


def statement_response(story: PayoutStory, rules: Rules) -> StatementOfReasons | None:
    """Return the statement of reasons for a payout that a person rejected."""
    rejection = rejection_in(story.decisions)
    if rejection is None:
        return None
    assert rejection.ground is not None
    return StatementOfReasons(
        ground=rejection.ground,
        clause=rejection.clause,
        facts=rejection.facts or rejection.reason,
        reasons=reason_responses(story.review.reasons if story.review else ()),
        found_by_rules=story.review is not None,
        decided_by_machine=False,
        decided_at=rejection.at,
        appeal_until=rules.reviews.appeal_until(rejection.at),
        how_to_appeal=HOW_TO_APPEAL,
    )


def appeal_response(story: PayoutStory) -> AppealResponse | None:
    appeal = story.appeal
    if appeal is None:
        return None
    answers = [
        each.reason
        for each in story.decisions
        if appeal.decision is not None and each.decision is appeal.decision
    ]
    return AppealResponse(
        text=appeal.text,
        appealed_at=appeal.appealed_at,
        decide_by=appeal.decide_by,
        decision=appeal.decision,
        reason=answers[0] if answers else None,
        decided_at=appeal.decided_at,
    )
