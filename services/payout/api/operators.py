"""What operators decide: payouts under review, corrections of balances."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from services.payout.api.earnings import EarnedGift, earned_gift
from services.payout.api.payouts import (
    PayoutLine,
    PayoutResponse,
    WiredRules,
    payout_line,
    payout_response,
)
from services.payout.api.reviews import ReasonResponse
from services.payout.commands import reviews
from services.payout.commands.queries import read_payout
from services.payout.commands.reviews import Grounds, review_payout
from services.payout.domain.payouts import (
    NoSuchPayout,
    NotUnresolved,
    PayoutSubmitted,
    ProviderStatus,
    State,
)
from services.payout.domain.reviews import (
    DecidedBefore,
    Ground,
    NotHeld,
    approvals_needed,
    words_of,
)
from services.payout.store import payouts, queries
from shared.backoffice.routes import Why
from shared.contracts.base import like
from shared.http import PRINTABLE, AllParts, Db, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import (
    CreatorId,
    CreatorName,
    CurrencyCode,
    Diamonds,
    GiftIds,
    Instant,
    MinorUnits,
    PayoutId,
    Text,
)
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter(tags=["operator-payouts"])

REVIEW_SCOPE = "payouts:review"
Reviewer = Annotated[Identity, operator_with(REVIEW_SCOPE)]
READ_SCOPE = "disputes:read"
DisputesReader = Annotated[Identity, operator_with(READ_SCOPE)]
HELD_SHOWN_MAX = 100
Newest = Annotated[
    int, Query(ge=1, le=10, description="How many payouts come at most.", examples=[5])
]


class HeldPayout(Body):
    """
    A payout that waits for an operator's decision, since when and why.

    `reason` is the first of `reasons`. `provider-unknown` is that of a payout that was submitted,
    and the provider can no longer be asked what became of it: it is resolved, not reviewed. A
    large payout needs `approvals_needed` people; `approved_by` are those who approved it already.
    What a fraud rule found (`risk:`) has a route of its own.
    """

    creator: CreatorName
    payout: PayoutId
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds it takes."""
    amount_minor: Annotated[MinorUnits, like(1_000)]
    """What would arrive, after the fee."""
    currency: CurrencyCode
    """The currency (ISO 4217) in which the money would arrive."""
    destination: Annotated[str, like("*******_lea")]
    """Where it would go, of which only the end is shown."""
    state: Annotated[State, like("held")]
    """`held` while it is reviewed, `sent` if only its outcome at the provider is unknown."""
    requested_at: Instant
    """When the creator, or their schedule, asked for it."""
    held_at: Annotated[Instant, like("2026-11-23T12:00:01Z")]
    """Since when it waits for a person."""
    reason: Annotated[str, like("first-payout")]
    """The first of `reasons`, as its code."""
    reasons: list[ReasonResponse]
    """Why a person has to look at it."""
    decide_by: Annotated[Instant, like("2026-11-25T12:00:00Z")] | None
    """When a decision is due; null if it is not under review but unresolved."""
    approved_by: Annotated[list[str], like([], ["ann"])]
    """Who approved it already (the `sub` of the operators' tokens)."""
    approvals_needed: Annotated[int, like(1)]
    """How many people have to approve it: 2 for a large amount."""


class HeldPayouts(Body):
    """The oldest of them; there may be more."""

    items: list[HeldPayout]
    """At most 100 payouts, those that wait longest first."""


class Rejection(Why):
    """
    Why a payout is rejected: the creator reads it as a statement of reasons.

    `reason` is for the timeline, `facts` say what the decision rests on (without them it is the
    reason), `ground` and `clause` on which rule: of your terms, or of a law.
    """

    ground: Ground = Ground.TERMS
    """What the rejection rests on: your `terms`, or the `law`."""
    clause: (
        Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE, examples=["7.2"])]
        | None
    ) = None
    """Which clause of your terms, or of which law; null to name none."""
    facts: Annotated[Text, like("Most of the gifts were paid with one card.")] | None = None
    """What the decision rests on, as the creator reads it; null for the `reason`."""


class Resolution(Why):
    """What became of the money, as the bank says, and how one knows."""

    outcome: Annotated[Literal["paid", "failed"], like("paid")]
    """
    What the bank says: whether the money arrived (`paid`) or did not (`failed`, which gives the
    diamonds back).
    """


class EarnedGifts(Body):
    items: list[EarnedGift]
    """
    Those of the requested gifts that brought the creator diamonds; one that is not found is left
    out.
    """


class CreatorPayouts(Body):
    """A creator's newest payouts."""

    items: list[PayoutLine]
    """The creator's newest payouts, the newest first."""


@router.post(
    "/operator/payouts/{creator:person}/{payout}/approve",
    responses=refusals(
        Unauthenticated, ScopeMissing, OwnMoney, DecidedBefore, NoSuchPayout, NotHeld
    ),
)
async def approve_payout(
    creator: CreatorId, payout: PayoutId, why: Why, caller: Reviewer, db: Db, rules: WiredRules
) -> PayoutResponse:
    """Let a payout that was held go on; a large one when a second person approves it."""
    async with db.transaction() as tx:
        await review_payout(
            tx,
            creator,
            payout,
            approved=True,
            operator=caller.user,
            reason=why.reason,
            rules=rules,
        )
        return payout_response(await read_payout(tx, creator, payout), rules)


@router.post(
    "/operator/payouts/{creator:person}/{payout}/reject",
    responses=refusals(
        Unauthenticated,
        ScopeMissing,
        OwnMoney,
        DecidedBefore,
        NoSuchPayout,
        NotHeld,
        PayoutSubmitted,
    ),
)
async def reject_payout(
    creator: CreatorId,
    payout: PayoutId,
    rejection: Rejection,
    caller: Reviewer,
    db: Db,
    rules: WiredRules,
) -> PayoutResponse:
    """End a payout that was held; its diamonds are the creator's again, who may appeal."""
    async with db.transaction() as tx:
        await review_payout(
            tx,
            creator,
            payout,
            approved=False,
            operator=caller.user,
            reason=rejection.reason,
            rules=rules,
            grounds=Grounds(rejection.ground, rejection.clause, rejection.facts),
        )
        return payout_response(await read_payout(tx, creator, payout), rules)


@router.post(
    "/operator/payouts/{creator:person}/{payout}/resolve",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotUnresolved),
)
async def resolve_payout(
    creator: CreatorId,
    payout: PayoutId,
    resolution: Resolution,
    caller: Reviewer,
    db: Db,
    rules: WiredRules,
) -> PayoutResponse:
    """
    Say what the bank says became of a payout that the provider cannot be asked about any more.

    `paid` takes its diamonds, `failed` gives them back to the creator.
    """
    async with db.transaction() as tx:
        await reviews.resolve_payout(
            tx,
            creator,
            payout,
            ProviderStatus(resolution.outcome),
            operator=caller.user,
            reason=resolution.reason,
            rules=rules,
        )
        return payout_response(await read_payout(tx, creator, payout), rules)


@router.get("/operator/payouts", responses=refusals(Unauthenticated, ScopeMissing))
async def list_payouts_under_review(_: Reviewer, db: AllParts, rules: WiredRules) -> HeldPayouts:
    """Read which payouts wait for an operator's decision, the oldest first."""
    found = await db.read_first(
        payouts.under_review, HELD_SHOWN_MAX, key=lambda each: (each[1].at, each[0].id)
    )
    return HeldPayouts(
        items=[
            HeldPayout(
                creator=payout.creator,
                payout=payout.id,
                diamonds=payout.diamonds,
                amount_minor=payout.amount_minor,
                currency=payout.currency,
                destination=payout.destination,
                state=payout.state,
                requested_at=payout.requested_at,
                held_at=pending.at,
                reason=pending.reasons[0],
                reasons=[
                    ReasonResponse(code=each, words=words_of(each).operator)
                    for each in pending.reasons
                ],
                decide_by=pending.decide_by,
                approved_by=list(pending.approved_by),
                approvals_needed=approvals_needed(payout, rules),
            )
            for payout, pending in found
        ]
    )


@router.get("/operator/payouts/{creator:person}", responses=refusals(Unauthenticated, ScopeMissing))
async def list_payouts_of_creator(
    creator: CreatorId, _: DisputesReader, db: Db, limit: Newest = 5
) -> CreatorPayouts:
    """Read a creator's newest payouts."""
    async with db.transaction() as tx:
        newest = await payouts.newest(tx, creator, before=None, limit=limit)
    return CreatorPayouts(items=[payout_line(payout) for payout in newest])


@router.get(
    "/operator/payouts/{creator:person}/earnings", responses=refusals(Unauthenticated, ScopeMissing)
)
async def list_earned_gifts_of_creator(
    creator: CreatorId,
    _: DisputesReader,
    gift: GiftIds,
    db: Db,
) -> EarnedGifts:
    """Read what certain gifts brought their creator, and where those diamonds stand."""
    async with db.transaction() as tx:
        lines = await queries.earnings_of_gifts(tx, creator, gift)
    return EarnedGifts(items=[earned_gift(line, to_creator=False) for line in lines])
