"""A creator asks for money: where it should go, what it would be, and then for it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Security
from pydantic import BaseModel, ConfigDict, Field

from services.payout.commands import payees, payouts, queries, quotes
from services.payout.commands.payouts import PayoutOrder
from services.payout.domain.payouts import (
    BelowMinimum,
    CreatorsOnly,
    DailyMaximum,
    NoSuchPayout,
    NotEnoughDiamonds,
    Payee,
    PayeeMissing,
    PayeeResting,
    Payout,
    PayoutOpen,
    QuoteExpired,
    QuoteUsed,
    State,
    UnknownQuote,
)
from services.payout.domain.rates import Rules
from services.payout.providers import Providers
from services.payout.store import payouts as store
from services.payout.store.payouts import Step
from shared.http import (
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
from shared.quotas.rules import TooOften

router = APIRouter(tags=["payouts"])

CREATOR = "creator"
SHOWN_CHARACTERS = 4


async def _require_creator(caller: Caller) -> Identity:
    """Refuse callers whom the host application does not call creators."""
    if CREATOR not in caller.roles:
        raise CreatorsOnly
    return caller


Creator = Annotated[Identity, Security(_require_creator, scopes=[CREATOR])]
WiredProviders = Annotated[Providers, from_state("providers")]
WiredRules = Annotated[Rules, from_state("rules")]


class PayeeRequest(BaseModel):
    """Where the money should go: the provider's name for an account."""

    model_config = ConfigDict(extra="forbid")

    destination: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{4,64}$")]


class PayeeResponse(BaseModel):
    """
    Where the money goes; only the end is shown.

    An account that replaced another rests: nothing can be paid out before `usable_at`, and a
    person looks at the first payout that goes there.
    """

    provider: str
    destination: str
    usable_at: datetime | None = None


class QuoteRequest(BaseModel):
    """How many diamonds to turn into money; without a number, as many as can be had today."""

    model_config = ConfigDict(extra="forbid")

    diamonds: Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)] | None = None


class QuoteResponse(BaseModel):
    """An offer that holds until it expires; `amount_minor` arrives, the fee is taken before."""

    quote: UUID
    diamonds: int
    amount_minor: int
    fee_minor: int
    currency: str
    rate_version: int
    expires_at: datetime


class PayoutRequest(BaseModel):
    """The quote to be paid out."""

    model_config = ConfigDict(extra="forbid")

    quote: UUID


class TimelineStep(BaseModel):
    state: State
    at: datetime
    reason: str | None


class PayoutResponse(BaseModel):
    """A payout and how far it has come. `paid` can still become `returned`."""

    payout: UUID
    state: State
    diamonds: int
    amount_minor: int
    fee_minor: int
    currency: str
    rate_version: int
    requested_at: datetime
    timeline: list[TimelineStep]


class PayoutLine(BaseModel):
    """A payout in a list."""

    payout: UUID
    state: State
    diamonds: int
    amount_minor: int
    currency: str
    requested_at: datetime


@router.put("/payouts/payee", responses=refusals(Unauthenticated, CreatorsOnly, TooOften))
async def set_payee(
    payee: PayeeRequest, caller: Creator, db: Db, providers: WiredProviders, rules: WiredRules
) -> PayeeResponse:
    """
    Say where one's own money should go.

    The first account can be used at once, one that replaces another after a rest.
    """
    async with db.transaction() as tx:
        changed = await payees.set_payee(
            tx,
            caller.user,
            next(iter(providers)),
            payee.destination,
            changed_by=caller.user,
            correlation_id=request_id(),
            rules=rules,
        )
    return _payee(changed)


@router.get("/payouts/payee", responses=refusals(Unauthenticated, PayeeMissing))
async def read_payee(caller: Caller, db: Db) -> PayeeResponse:
    """Read where one's own money goes."""
    async with db.transaction() as tx:
        return _payee(await payees.read_payee(tx, caller.user))


@router.post(
    "/payouts/quotes",
    status_code=201,
    responses=refusals(
        Unauthenticated,
        AgeUnknown,
        TooYoung,
        CreatorsOnly,
        PayeeMissing,
        PayeeResting,
        BelowMinimum,
        NotEnoughDiamonds,
        DailyMaximum,
        TooOften,
    ),
)
async def make_quote(
    wanted: QuoteRequest, caller: Creator, db: Db, rules: WiredRules
) -> QuoteResponse:
    """Ask what diamonds would bring; rate and fee hold until the quote expires."""
    rules.ages.require(caller.age_verified, caller.country)
    async with db.transaction() as tx:
        quote = await quotes.make_quote(tx, caller.user, wanted.diamonds, rules)
    return QuoteResponse(
        quote=quote.id,
        diamonds=quote.offer.diamonds,
        amount_minor=quote.offer.amount_minor,
        fee_minor=quote.offer.fee_minor,
        currency=quote.currency,
        rate_version=quote.rate_version,
        expires_at=quote.expires_at,
    )


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
        PayeeMissing,
        PayeeResting,
        BelowMinimum,
        DailyMaximum,
        NotEnoughDiamonds,
        KeyReused,
    ),
)
async def request_payout(
    wanted: PayoutRequest, caller: Creator, key: IdempotencyKey, db: Db, rules: WiredRules
) -> PayoutResponse:
    """
    Pay out a quote: its diamonds are reserved at once, the money follows.

    Whatever the quote was made by is looked at again: the day's maximum, the account, the rest.
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
    async with db.transaction() as tx:
        payout = await payouts.request_payout(tx, order, rules=rules)
        payout, steps = await queries.read_payout(tx, caller.user, payout.id)
    return payout_response(payout, steps)


@router.get("/payouts/{payout}", responses=refusals(Unauthenticated, NoSuchPayout))
async def read_payout(payout: UUID, caller: Caller, db: Db) -> PayoutResponse:
    """Read one of one's own payouts and how far it has come."""
    async with db.transaction() as tx:
        found, steps = await queries.read_payout(tx, caller.user, payout)
    return payout_response(found, steps)


@router.get("/payouts", responses=refusals(Unauthenticated, BadCursor))
async def read_payouts(
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


def payout_response(payout: Payout, steps: list[Step]) -> PayoutResponse:
    """Show a payout as its creator, or an operator, sees it."""
    return PayoutResponse(
        payout=payout.id,
        state=payout.state,
        diamonds=payout.diamonds,
        amount_minor=payout.amount_minor,
        fee_minor=payout.fee_minor,
        currency=payout.currency,
        rate_version=payout.rate_version,
        requested_at=payout.requested_at,
        timeline=[TimelineStep(state=step.state, at=step.at, reason=step.reason) for step in steps],
    )


def _payee(known: Payee) -> PayeeResponse:
    return PayeeResponse(
        provider=known.provider,
        destination=_masked(known.destination),
        usable_at=known.usable_at,
    )


def _masked(destination: str) -> str:
    return "*" * (len(destination) - SHOWN_CHARACTERS) + destination[-SHOWN_CHARACTERS:]
