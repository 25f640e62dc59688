"""What a creator, or an operator, is told about the review of a payout, and about an appeal."""

from typing import Annotated

from services.payout.commands.queries import PayoutStory
from services.payout.domain.payouts import State
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import Ground, Verdict, rejection_in, words_of
from shared.contracts.base import like
from shared.http.bodies import Body
from shared.http.fields import Instant

HOW_TO_APPEAL = (
    "Say within the time given why you do not agree. Somebody who has not decided about this payout"
    " before looks at it again. You may also go to a court, or to a certified out-of-court body."
)


class ReasonResponse(Body):
    """Why a person looks at a payout: a stable code, and plain words."""

    code: Annotated[str, like("first-payout", "risk:concentration")]
    """The reason as a stable code."""
    words: Annotated[str, like("It is your first payout, so a person checks that it goes to you.")]
    """The same in English, for whom it is shown to: a creator or an operator."""


class ReviewResponse(Body):
    """
    A review that waits for a person, found necessary by rules.

    A decision is due at `decide_by`; `promised_by` is the latest that the creator was promised.
    """

    reasons: list[ReasonResponse]
    """Why a person looks at it, the first reason first."""
    opened_at: Instant
    """When the review began."""
    decide_by: Annotated[Instant, like("2026-11-25T12:00:00Z")]
    """When a decision is due, in working days of the operator."""
    promised_by: Annotated[Instant, like("2026-11-28T12:00:00Z")]
    """The latest that the creator was promised."""


class StatementOfReasons(Body):
    """
    Why a payout was rejected (Regulation (EU) 2022/2065, Article 17).

    The payout ended, and its diamonds are the creator's again. `found_by_rules` says that rules
    noticed it; a person decided. `clause` is of the operator's terms or of a law, as `ground` says.
    """

    ground: Annotated[Ground, like("terms")]
    """What the rejection rests on: the operator's `terms`, or the `law`."""
    clause: Annotated[str, like("7.2")] | None
    """Which clause of the terms, or of which law; null if none was named."""
    facts: Annotated[str, like("Most of the gifts were paid with one card.")]
    """What the decision rests on, in the operator's words."""
    reasons: list[ReasonResponse]
    """Why a person had to look at the payout."""
    found_by_rules: Annotated[bool, like(True)]
    """Whether rules of the system noticed it, and not a person."""
    decided_by_machine: bool
    """Always false: a person decided."""
    decided_at: Annotated[Instant, like("2026-11-24T12:00:00Z")]
    """When it was rejected."""
    appeal_until: Annotated[Instant, like("2027-05-24T12:00:00Z")]
    """Until when the creator may appeal."""
    how_to_appeal: Annotated[str, like(HOW_TO_APPEAL)]
    """What the creator may do, in English sentences for them."""


class AppealResponse(Body):
    """An appeal, and what another person decided about it; `reason` is in that person's words."""

    text: Annotated[str, like("These are friends who watch every day.")]
    """What the creator wrote: escape it before you show it."""
    appealed_at: Annotated[Instant, like("2026-11-25T12:00:00Z")]
    """When they appealed."""
    decide_by: Annotated[Instant, like("2026-11-27T12:00:00Z")]
    """When a decision is due."""
    decision: Annotated[Verdict | None, like(None, "overturned")]
    """
    What another person decided: `upheld` if the rejection stands, `overturned` if not; null until
    then.
    """
    reason: Annotated[str | None, like(None, "The gifts are real.")]
    """Why, in that person's words; null until it is decided."""
    decided_at: Annotated[Instant | None, like(None, "2026-11-26T12:00:00Z")]
    """When it was decided; null until then."""


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
