"""What creators get: their rate, with whom their gifts are shared, and who decides about both."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from services.payout.api.payouts import WiredRules
from services.payout.commands import rate_plans, splits
from services.payout.commands.rate_plans import Terms
from services.payout.domain.rate_plans import (
    Assignment,
    Change,
    NoSuchRatePlan,
    Rate,
    RateNoticeTooShort,
    TermsExist,
    TermsInThePast,
    TooManyTerms,
)
from services.payout.domain.splits import (
    BASIS_POINTS,
    PARTIES_MAX,
    PartiesOverlap,
    SharesTooLarge,
    Split,
    SplitTooSoon,
)
from shared.backoffice.routes import Why
from shared.contracts.base import in_unit, like
from shared.http import Db, Moment, Name, OwnCreator, UserId, refusals, request_id
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import CreatorId, CreatorName, CurrencyCode, Instant, MinorUnits
from shared.identity.people import NotYours, OwnMoney
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter()

RATES_SCOPE = "rates:write"
RatesWriter = Annotated[Identity, operator_with(RATES_SCOPE)]
RATES_READ_SCOPE = "rates:read"
RatesReader = Annotated[Identity, operator_with(RATES_READ_SCOPE)]


class RateResponse(Body):
    """What 1,000 diamonds are worth, in minor units of `currency`."""

    model_config = ConfigDict(from_attributes=True)

    version: Annotated[int, like(1)]
    """The number of this rate in its plan."""
    currency: CurrencyCode
    value_minor_per_1000: Annotated[MinorUnits, like(500)]
    """What 1,000 diamonds are worth: 500 is $5.00."""


class RateChange(Body):
    """A rate that was announced, and from when on it counts."""

    effective_from: Annotated[Instant, like("2027-01-01T00:00:00Z")]
    """From when on it counts, for all diamonds that are not paid out by then."""
    rate: Annotated[
        RateResponse, like({"version": 2, "currency": "USD", "value_minor_per_1000": 520})
    ]
    """The rate."""


class Share(Body):
    """A party's share of each gift's diamonds, in basis points: 2,000 are a fifth."""

    model_config = ConfigDict(extra="forbid")

    party: Annotated[UserId, like("agency-7")]
    """Who gets the share: the `sub` of their token."""
    share_bp: Annotated[
        int, Field(strict=True, ge=1, lt=BASIS_POINTS), in_unit("basis points", 2_000)
    ]
    """How much of each gift's diamonds they get: 2,000 are a fifth."""


class SplitResponse(Body):
    """Whom the diamonds of gifts are shared with, from when on; the creator has the rest."""

    effective_from: Annotated[Instant, like("2026-12-01T00:00:00Z")]
    """For gifts that are sent from when on."""
    shares: list[Share]
    """
    The parties in the order in which they take their shares; the creator has the rest. Empty if all
    is the creator's.
    """


class TermsResponse(Body):
    """
    What a creator gets for diamonds, and with whom gifts are shared.

    `next_rate` is the next one that differs, `next_split` the next split; both are null if none is
    announced. A rate counts for all diamonds that are not paid out by then, a split for gifts that
    are sent from then on.
    """

    creator: CreatorName
    plan: Annotated[str, like("standard")]
    """The rate plan that they are on."""
    rate: RateResponse
    """The rate that counts now."""
    next_rate: Annotated[RateChange | None, like(None)]
    """The next rate that differs; null if none is announced."""
    split: Annotated[SplitResponse | None, like(None)]
    """Whom gifts are shared with now; null if with nobody."""
    next_split: Annotated[SplitResponse | None, like(None)]
    """The next split; null if none is set."""


class PlanAssignment(Why):
    """The rate plan of a creator from some moment on."""

    plan: Annotated[Name, like("standard")]
    """The rate plan, as seeds/rates.toml calls it."""
    effective_from: Annotated[Moment, like("2027-01-01T00:00:00Z")]
    """
    From when on the creator is on it. A plan that pays less has to be announced some days ahead.
    """


class NewSplit(Why):
    """
    Whom the diamonds of a creator's gifts are shared with, from some moment on.

    The parties take their shares in this order, rounded down, and the creator has the rest. Without
    shares all is the creator's again.
    """

    effective_from: Annotated[Moment, like("2026-12-01T00:00:00Z")]
    """For gifts that are sent from when on; some hours ahead."""
    shares: Annotated[list[Share], Field(max_length=PARTIES_MAX)]
    """
    The parties in the order in which they take their shares, rounded down; empty if all is the
    creator's again.
    """


@router.get(
    "/earnings/{creator:person}/terms",
    tags=["earnings"],
    responses=refusals(Unauthenticated, NotYours),
)
async def read_terms(creator: OwnCreator, db: Db, rules: WiredRules) -> TermsResponse:
    """Read one's own rate and split, and what was announced to follow."""
    async with db.transaction() as tx:
        return _response(creator, await rate_plans.read_terms(tx, creator, rules))


@router.get(
    "/operator/creators/{creator:person}/terms",
    tags=["operator-creators"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def read_terms_of_creator(
    creator: CreatorId, _: RatesReader, db: Db, rules: WiredRules
) -> TermsResponse:
    """Read a creator's rate and split, and what was announced to follow."""
    async with db.transaction() as tx:
        return _response(creator, await rate_plans.read_terms(tx, creator, rules))


@router.put(
    "/operator/creators/{creator:person}/rate-plan",
    tags=["operator-creators"],
    responses=refusals(
        *(Unauthenticated, ScopeMissing, OwnMoney, NoSuchRatePlan, TermsInThePast),
        *(RateNoticeTooShort, TermsExist, TooManyTerms),
    ),
)
async def set_rate_plan_of_creator(
    creator: CreatorId, wanted: PlanAssignment, caller: RatesWriter, db: Db, rules: WiredRules
) -> TermsResponse:
    """
    Put a creator on a rate plan from some moment on, which is announced to them.

    If they would get less, the moment comes after the days of notice. What was assigned is never
    changed; the same request again changes nothing.
    """
    async with db.transaction() as tx:
        await rate_plans.assign_plan(
            tx,
            creator,
            Assignment(wanted.effective_from, wanted.plan),
            operator=caller.user,
            reason=wanted.reason,
            correlation_id=request_id(),
            rules=rules,
        )
        return _response(creator, await rate_plans.read_terms(tx, creator, rules))


@router.put(
    "/operator/creators/{creator:person}/split",
    tags=["operator-creators"],
    responses=refusals(
        *(Unauthenticated, ScopeMissing, OwnMoney, PartiesOverlap, SharesTooLarge),
        *(SplitTooSoon, TermsExist, TooManyTerms),
    ),
)
async def set_split_of_creator(
    creator: CreatorId, wanted: NewSplit, caller: RatesWriter, db: Db, rules: WiredRules
) -> TermsResponse:
    """
    Share a creator's gifts with others from some moment on, for gifts that are sent from then on.

    That the creator agrees is for the host to see to. What was set is never changed; the same
    request again changes nothing.
    """
    split = Split(
        wanted.effective_from,
        tuple(share.party for share in wanted.shares),
        tuple(share.share_bp for share in wanted.shares),
    )
    async with db.transaction() as tx:
        await splits.set_split(
            tx, creator, split, operator=caller.user, reason=wanted.reason, rules=rules
        )
        return _response(creator, await rate_plans.read_terms(tx, creator, rules))


def _response(creator: str, terms: Terms) -> TermsResponse:
    return TermsResponse(
        creator=creator,
        plan=terms.plan,
        rate=_rate(terms.rate),
        next_rate=_change(terms.next_change),
        split=_split(terms.split),
        next_split=_split(terms.next_split),
    )


def _change(change: Change | None) -> RateChange | None:
    if change is None:
        return None
    return RateChange(effective_from=change.effective_from, rate=_rate(change.new))


def _rate(rate: Rate) -> RateResponse:
    return RateResponse.model_validate(rate)


def _split(split: Split | None) -> SplitResponse | None:
    if split is None:
        return None
    shares = zip(split.parties, split.shares_bp, strict=True)
    return SplitResponse(
        effective_from=split.effective_from,
        shares=[Share(party=party, share_bp=share_bp) for party, share_bp in shares],
    )
