"""A creator asks for money: what it would be, and then for it."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Security
from pydantic import BaseModel, ConfigDict, Field

from services.payout.api.reviews import (
    AppealResponse,
    ReviewResponse,
    StatementOfReasons,
    appeal_response,
    review_response,
    statement_response,
)
from services.payout.commands import payouts, queries
from services.payout.commands.fraud import read_facts_of_others
from services.payout.commands.payouts import PayoutOrder
from services.payout.commands.queries import PayoutStory
from services.payout.domain.limits import (
    BelowMinimum,
    DailyMaximum,
    PayoutOpen,
    TooManyPayouts,
    WeeklyMaximum,
)
from services.payout.domain.payees import (
    PayeeMissing,
    PayeeNotEnabled,
    PayeeResting,
    PayeeRestricted,
    PayeeUnderReview,
    PayeeUnscreened,
    PayeeUnverified,
    TaxFormMissing,
)
from services.payout.domain.payouts import (
    CreatorsOnly,
    NoSuchPayout,
    NotEnoughDiamonds,
    Payout,
    State,
)
from services.payout.domain.quotes import QuoteExpired, QuoteUsed, UnknownQuote
from services.payout.domain.rates import Rules
from services.payout.store import payouts as store
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    from_state,
    moment_in,
    page,
    refusals,
    request_id,
)
from shared.http.auth import Caller
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter(tags=["payouts"])

CREATOR = "creator"


async def _require_creator(caller: Caller) -> Identity:
    """Refuse callers whom the host application does not call creators."""
    if CREATOR not in caller.roles:
        raise CreatorsOnly
    return caller


# What stands in the way of money to a payee.
PAYEE_REFUSALS = (
    PayeeMissing,
    PayeeNotEnabled,
    PayeeResting,
    PayeeRestricted,
    PayeeUnderReview,
    PayeeUnscreened,
    PayeeUnverified,
    TaxFormMissing,
)
Creator = Annotated[Identity, Security(_require_creator, scopes=[CREATOR])]
WiredRules = Annotated[Rules, from_state("rules")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class PayoutRequest(BaseModel):
    """The quote to be paid out."""

    model_config = ConfigDict(extra="forbid")

    quote: UUID


class TimelineStep(BaseModel):
    state: State
    at: datetime
    reason: str | None


class PayoutResponse(BaseModel):
    """
    A payout and how far it has come. `paid` can still become `returned`.

    `returned_minor` is what came back of it so far; its diamonds are the creator's again. While it
    is held, `review` says why and until when. `statement` says why it was rejected.
    """

    payout: UUID
    state: State
    diamonds: int
    value_minor: int
    value_currency: str
    amount_minor: int
    fee_minor: int
    currency: str
    returned_minor: int
    rate_version: int
    requested_at: datetime
    timeline: list[TimelineStep]
    review: ReviewResponse | None
    statement: StatementOfReasons | None
    appeal: AppealResponse | None


class PayoutLine(BaseModel):
    """A payout in a list."""

    payout: UUID
    state: State
    diamonds: int
    amount_minor: int
    currency: str
    requested_at: datetime


@router.post(
    "/payouts",
    status_code=201,
    responses=refusals(
        IdempotencyKeyMissing,
        Unauthenticated,
        AgeUnknown,
        TooYoung,
        CreatorsOnly,
        UnknownQuote,
        QuoteExpired,
        QuoteUsed,
        PayoutOpen,
        TooManyPayouts,
        *PAYEE_REFUSALS,
        BelowMinimum,
        DailyMaximum,
        WeeklyMaximum,
        NotEnoughDiamonds,
        KeyReused,
    ),
)
async def request_payout(
    wanted: PayoutRequest, caller: Creator, key: IdempotencyKey, db: AllParts, rules: WiredRules
) -> PayoutResponse:
    """
    Pay out a quote: its diamonds are reserved at once, the money follows.

    Whatever the quote was made by is looked at again: the limits, the account, the rest. Rules may
    find reasons for a person to look at the payout first.
    """
    order = PayoutOrder(
        caller.user,
        wanted.quote,
        key,
        fingerprint(wanted),
        request_id(),
        caller.age_verified,
        caller.country,
    )
    others = await read_facts_of_others(db, caller.user, rules.fraud, now=datetime.now(UTC))
    async with db.part_for(caller.user).transaction() as tx:
        payout = await payouts.request_payout(tx, order, rules=rules, others=others)
        story = await queries.read_payout(tx, caller.user, payout.id)
    return payout_response(story, rules)


@router.get("/payouts/{payout}", responses=refusals(Unauthenticated, NoSuchPayout))
async def read_payout(payout: UUID, caller: Caller, db: Db, rules: WiredRules) -> PayoutResponse:
    """Read one of one's own payouts, how far it has come, and why it is held or was rejected."""
    async with db.transaction() as tx:
        story = await queries.read_payout(tx, caller.user, payout)
    return payout_response(story, rules)


@router.get("/payouts", responses=refusals(Unauthenticated, BadCursor))
async def list_payouts(
    caller: Caller, db: Db, cursor: str | None = None, limit: Limit = 50
) -> Page[PayoutLine]:
    """Read one's own payouts, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await store.newest(tx, caller.user, before=before, limit=limit)
    lines = [payout_line(payout) for payout in found]
    return page(lines, limit, lambda line: [line.requested_at.isoformat(), str(line.payout)])


def payout_line(payout: Payout) -> PayoutLine:
    return PayoutLine(
        payout=payout.id,
        state=payout.state,
        diamonds=payout.diamonds,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        requested_at=payout.requested_at,
    )


def payout_response(story: PayoutStory, rules: Rules) -> PayoutResponse:
    """Show a payout as its creator, or an operator, sees it."""
    payout = story.payout
    return PayoutResponse(
        payout=payout.id,
        state=payout.state,
        diamonds=payout.diamonds,
        value_minor=payout.value_minor,
        value_currency=payout.value_currency,
        amount_minor=payout.amount_minor,
        fee_minor=payout.fee_minor,
        currency=payout.currency,
        returned_minor=payout.returned_minor,
        rate_version=payout.rate_version,
        requested_at=payout.requested_at,
        timeline=[
            TimelineStep(state=step.state, at=step.at, reason=step.reason) for step in story.steps
        ],
        review=review_response(story),
        statement=statement_response(story, rules),
        appeal=appeal_response(story),
    )
