"""A creator asks for money: what it would be, and then for it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Security
from pydantic import ConfigDict, Field

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
from shared.contracts.base import like
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
from shared.http.bodies import Body
from shared.http.fields import CurrencyCode, Diamonds, Instant, MinorUnits, PayoutId, QuoteId
from shared.http.pages import Cursor
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
AskedCurrency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class PayoutRequest(Body):
    """The quote to be paid out."""

    model_config = ConfigDict(extra="forbid")

    quote: QuoteId


class TimelineStep(Body):
    state: Annotated[State, like("requested")]
    """Which state the payout came into."""
    at: Instant
    """When it did."""
    reason: Annotated[str | None, like(None, "first-payout")]
    """Why, as a stable code; null if a state needs no reason."""


class PayoutResponse(Body):
    """
    A payout and how far it has come. `paid` can still become `returned`.

    `returned_minor` is what came back of it so far; its diamonds are the creator's again. While it
    is held, `review` says why and until when. `statement` says why it was rejected.
    """

    payout: PayoutId
    state: Annotated[State, like("paid", "held")]
    """
    How far it has come: `requested`, `held` while a person reviews it, `approved`, `sent` to the
    provider, `paid`. `failed`, `rejected` and `returned` gave the diamonds back. A paid one can
    still become `returned`.
    """
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds it takes."""
    value_minor: Annotated[MinorUnits, like(1_000)]
    """What they are worth in the operator's books, in minor units of `value_currency`."""
    value_currency: Annotated[CurrencyCode, like("USD")]
    """The currency (ISO 4217) of the books, in which limits are counted."""
    amount_minor: Annotated[MinorUnits, like(1_000)]
    """What arrives, after the fee."""
    fee_minor: Annotated[MinorUnits, like(0)]
    """What the provider takes, in minor units of `currency`; 0 if the operator pays it."""
    currency: CurrencyCode
    """The currency (ISO 4217) in which the money arrives."""
    returned_minor: Annotated[MinorUnits, like(0)]
    """How much of `amount_minor` came back so far; its diamonds are the creator's again."""
    rate_version: Annotated[int, like(1)]
    """Which version of the creator's diamond rate it was quoted with."""
    requested_at: Instant
    """When the creator, or their schedule, asked for it."""
    timeline: list[TimelineStep]
    """The states it has been in, the oldest first."""
    review: Annotated[ReviewResponse | None, like(None)]
    """Why a person looks at it and until when; null unless it is `held`."""
    statement: Annotated[StatementOfReasons | None, like(None)]
    """Why it was rejected; null unless it was."""
    appeal: Annotated[AppealResponse | None, like(None)]
    """The creator's appeal against the rejection; null if there is none."""


class PayoutLine(Body):
    """A payout in a list."""

    payout: PayoutId
    state: Annotated[State, like("paid")]
    """How far it has come; `GET /v1/payouts/{payout}` has more."""
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds it takes."""
    amount_minor: Annotated[MinorUnits, like(1_000)]
    """What arrives, after the fee."""
    currency: CurrencyCode
    """The currency (ISO 4217) in which the money arrives."""
    requested_at: Instant
    """When the creator, or their schedule, asked for it."""


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
async def read_payout(
    payout: PayoutId, caller: Caller, db: Db, rules: WiredRules
) -> PayoutResponse:
    """Read one of one's own payouts, how far it has come, and why it is held or was rejected."""
    async with db.transaction() as tx:
        story = await queries.read_payout(tx, caller.user, payout)
    return payout_response(story, rules)


@router.get("/payouts", responses=refusals(Unauthenticated, BadCursor))
async def list_payouts(
    caller: Caller, db: Db, cursor: Cursor = None, limit: Limit = 50
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
