"""A creator asks for money: where it should go, what it would be, and then for it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Security
from pydantic import BaseModel, ConfigDict, Field

from services.payout.commands import payees, reading, requesting
from services.payout.commands.requesting import PayoutRequest
from services.payout.domain.payouts import (
    BelowMinimum,
    CreatorsOnly,
    DailyMaximum,
    NoSuchPayout,
    NotEnoughDiamonds,
    PayeeMissing,
    PayeeResting,
    Payout,
    PayoutOpen,
    QuoteExpired,
    QuoteUsed,
    State,
    UnknownQuote,
)
from services.payout.domain.payouts import Payee as KnownPayee
from services.payout.domain.rates import Rules
from services.payout.providers import Provider
from services.payout.store.payouts import Step
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    encode_cursor,
    moment_in,
    refusals,
    request_id,
)
from shared.http.auth import Caller
from shared.idempotency import KeyReused, fingerprint
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

CREATOR = "creator"
SHOWN_CHARACTERS = 4


def _require_creator(caller: Caller) -> Identity:
    """Let those in whom the host application calls creators."""
    if CREATOR not in caller.roles:
        raise CreatorsOnly
    return caller


Creator = Annotated[Identity, Security(_require_creator, scopes=[CREATOR])]


class NewPayee(BaseModel):
    """Where the money should go: the provider's name for an account."""

    model_config = ConfigDict(extra="forbid")

    destination: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{4,64}$")]


class Payee(BaseModel):
    """
    Where the money goes; only the end is shown.

    An account that replaced another rests: nothing can be paid out before `usable_at`, and a
    person looks at the first payout that goes there.
    """

    provider: str
    destination: str
    usable_at: datetime | None = None


class QuoteWish(BaseModel):
    """How many diamonds to turn into money; without a number, as many as can be had today."""

    model_config = ConfigDict(extra="forbid")

    diamonds: Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)] | None = None


class QuoteView(BaseModel):
    """An offer that holds until it expires; `amount_minor` arrives, the fee is taken before."""

    quote: UUID
    diamonds: int
    amount_minor: int
    fee_minor: int
    currency: str
    rate_version: int
    expires_at: datetime


class PayoutWish(BaseModel):
    """The quote to be paid out."""

    model_config = ConfigDict(extra="forbid")

    quote: UUID


class TimelineStep(BaseModel):
    state: State
    at: datetime
    reason: str | None


class PayoutView(BaseModel):
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


def build_router(database: Database, provider: Provider, rules: Rules) -> APIRouter:
    router = APIRouter(tags=["payouts"])
    _add_payee(router, database, provider, rules)
    _add_asking(router, database, provider, rules)
    _add_reading(router, database)
    return router


def _add_payee(router: APIRouter, database: Database, provider: Provider, rules: Rules) -> None:
    @router.put("/payouts/payee", responses=refusals(Unauthenticated, CreatorsOnly, TooOften))
    async def set_payee(payee: NewPayee, caller: Creator) -> Payee:
        """
        Say where one's own money should go.

        The first account can be used at once, one that replaces another after a rest.
        """
        async with database.transaction() as tx:
            changed = await payees.set_payee(
                tx,
                caller.user,
                provider.name,
                payee.destination,
                changed_by=caller.user,
                correlation_id=request_id(),
                rules=rules,
            )
        return _payee(changed)

    @router.get("/payouts/payee", responses=refusals(Unauthenticated, PayeeMissing))
    async def read_payee(caller: Caller) -> Payee:
        """Read where one's own money goes."""
        async with database.transaction() as tx:
            return _payee(await payees.read_payee(tx, caller.user))


def _add_asking(router: APIRouter, database: Database, provider: Provider, rules: Rules) -> None:
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
    async def make_quote(wish: QuoteWish, caller: Creator) -> QuoteView:
        """Ask what diamonds would bring; rate and fee hold until the quote expires."""
        rules.ages.require(caller.age_verified, caller.country)
        async with database.transaction() as tx:
            quote = await requesting.make_quote(tx, caller.user, wish.diamonds, rules)
        return QuoteView(
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
    async def request_payout(wish: PayoutWish, caller: Creator, key: IdempotencyKey) -> PayoutView:
        """
        Pay out a quote: its diamonds are reserved at once, the money follows.

        Whatever the quote was made by is looked at again: the day's maximum, the account, the rest.
        """
        request = PayoutRequest(
            caller.user,
            wish.quote,
            key,
            fingerprint(wish),
            request_id(),
            caller.age_verified,
            caller.country,
        )
        async with database.transaction() as tx:
            payout = await requesting.request_payout(
                tx, request, provider=provider.name, rules=rules
            )
            payout, steps = await reading.read_payout(tx, caller.user, payout.id)
        return shown(payout, steps)


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get("/payouts/{payout}", responses=refusals(Unauthenticated, NoSuchPayout))
    async def read_payout(payout: UUID, caller: Caller) -> PayoutView:
        """Read one of one's own payouts and how far it has come."""
        async with database.transaction() as tx:
            found, steps = await reading.read_payout(tx, caller.user, payout)
        return shown(found, steps)

    @router.get("/payouts", responses=refusals(Unauthenticated, BadCursor))
    async def read_payouts(
        caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[PayoutLine]:
        """Read one's own payouts, newest first."""
        before = moment_in(cursor)
        async with database.transaction() as tx:
            payouts = await reading.newest_payouts(tx, caller.user, before=before, limit=limit)
        more = len(payouts) == limit
        last = [payouts[-1].requested_at.isoformat(), str(payouts[-1].id)] if more else None
        return Page(
            items=[line(payout) for payout in payouts],
            next_cursor=encode_cursor(last) if last else None,
        )


def line(payout: Payout) -> PayoutLine:
    return PayoutLine(
        payout=payout.id,
        state=payout.state,
        diamonds=payout.diamonds,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        requested_at=payout.requested_at,
    )


def shown(payout: Payout, steps: list[Step]) -> PayoutView:
    """Show a payout as its creator, or an operator, sees it."""
    return PayoutView(
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


def _payee(known: KnownPayee) -> Payee:
    return Payee(
        provider=known.provider,
        destination=_masked(known.destination),
        usable_at=known.usable_at,
    )


def _masked(destination: str) -> str:
    return "*" * (len(destination) - SHOWN_CHARACTERS) + destination[-SHOWN_CHARACTERS:]
