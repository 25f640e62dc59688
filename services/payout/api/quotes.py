"""A creator asks what diamonds would bring: fee, exchange and amount, before anything moves."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.payout.api.payouts import PAYEE_REFUSALS, Creator, CurrencyCode, WiredRules
from services.payout.commands import quotes
from services.payout.domain.exchange import NoExchangeRate
from services.payout.domain.limits import (
    BelowMinimum,
    DailyMaximum,
    PayoutLimits,
    WeeklyMaximum,
)
from services.payout.domain.payouts import CreatorsOnly, NotEnoughDiamonds
from services.payout.domain.quotes import Quote
from shared.http import Db, refusals
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

router = APIRouter(tags=["payouts"])


class QuoteRequest(BaseModel):
    """How many diamonds to turn into money; without a number, as many as can be had today."""

    model_config = ConfigDict(extra="forbid")

    diamonds: Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)] | None = None
    # Without one the money arrives in the currency of the operator's books.
    currency: CurrencyCode | None = None


class ExchangeResponse(BaseModel):
    """The operator's rate: what one unit of the books' currency becomes, before the markup."""

    parts_per_million: int
    as_of: date


class LeftResponse(BaseModel):
    """What is left of each limit, in minor units of the books' currency and in requests."""

    today_minor: int
    in_7_days_minor: int
    requests_today: int


class QuoteResponse(BaseModel):
    """
    An offer that holds until it expires; `amount_minor` arrives, the fee is taken before.

    For the limits it counts `value_minor` in `value_currency`; `exchange` is null if nothing is
    exchanged. `left` is what may be asked for before this quote is used.
    """

    quote: UUID
    diamonds: int
    value_minor: int
    value_currency: str
    fee_minor: int
    amount_minor: int
    currency: str
    exchange: ExchangeResponse | None
    rate_version: int
    expires_at: datetime
    left: LeftResponse


@router.post(
    "/payouts/quotes",
    status_code=201,
    responses=refusals(
        Unauthenticated,
        AgeUnknown,
        TooYoung,
        CreatorsOnly,
        *PAYEE_REFUSALS,
        BelowMinimum,
        NotEnoughDiamonds,
        DailyMaximum,
        WeeklyMaximum,
        NoExchangeRate,
        TooOften,
    ),
)
async def make_quote(
    wanted: QuoteRequest, caller: Creator, db: Db, rules: WiredRules
) -> QuoteResponse:
    """Ask what diamonds would bring; rate and fee hold until the quote expires."""
    rules.ages.require(caller.age_verified, caller.country)
    async with db.transaction() as tx:
        quote = await quotes.make_quote(
            tx, caller.user, wanted.diamonds, rules, currency=wanted.currency
        )
        limits = await quotes.read_own_limits(tx, caller.user, rules)
    return _quote(quote, limits)


def _quote(quote: Quote, limits: PayoutLimits) -> QuoteResponse:
    offer, exchange = quote.offer, None
    if offer.exchange_ppm is not None and offer.exchanged_as_of is not None:
        exchange = ExchangeResponse(
            parts_per_million=offer.exchange_ppm, as_of=offer.exchanged_as_of
        )
    return QuoteResponse(
        quote=quote.id,
        diamonds=offer.diamonds,
        value_minor=offer.value_minor,
        value_currency=offer.value_currency,
        fee_minor=offer.fee_minor,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        exchange=exchange,
        rate_version=quote.rate_version,
        expires_at=quote.expires_at,
        left=LeftResponse(
            today_minor=limits.day.left,
            in_7_days_minor=limits.seven_days.left,
            requests_today=limits.requests.left,
        ),
    )
