"""A creator asks what diamonds would bring: fee, exchange and amount, before anything moves."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from services.payout.api.payouts import PAYEE_REFUSALS, AskedCurrency, Creator, WiredRules
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
from shared.contracts.base import in_unit, like
from shared.http import Db, refusals
from shared.http.bodies import Body
from shared.http.fields import CurrencyCode, Day, Diamonds, Instant, MinorUnits, QuoteId
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

router = APIRouter(tags=["payouts"])


class QuoteRequest(Body):
    """How many diamonds to turn into money; without a number, as many as can be had today."""

    model_config = ConfigDict(extra="forbid")

    diamonds: (
        Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000), in_unit("diamonds", 2_000)]
        | None
    ) = None
    """How many diamonds to turn into money; null for as many as can be had today."""
    # Without one the money arrives in the currency of the operator's books.
    currency: Annotated[AskedCurrency, like("USD")] | None = None
    """
    In which currency (ISO 4217) the money should arrive; null for that of the operator's books.
    """


class ExchangeResponse(Body):
    """The operator's rate: what one unit of the books' currency becomes, before the markup."""

    parts_per_million: Annotated[int, in_unit("parts per million", 920_000)]
    """How much of `currency` one unit of the books' currency becomes: 920,000 is 0.92."""
    as_of: Day
    """The day of the rate in the operator's table."""


class LeftResponse(Body):
    """What is left of each limit, in minor units of the books' currency and in requests."""

    today_minor: Annotated[MinorUnits, like(49_000)]
    """How much may still be asked for today, in minor units of the books' currency."""
    in_7_days_minor: Annotated[MinorUnits, like(199_000)]
    """How much may still be asked for within seven days, in the same units."""
    requests_today: Annotated[int, in_unit("requests", 2)]
    """How many payouts may still be requested today."""


class QuoteResponse(Body):
    """
    An offer that holds until it expires; `amount_minor` arrives, the fee is taken before.

    For the limits it counts `value_minor` in `value_currency`; `exchange` is null if nothing is
    exchanged. `left` is what may be asked for before this quote is used.
    """

    quote: QuoteId
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds it takes: those that make whole minor units."""
    value_minor: Annotated[MinorUnits, like(1_000)]
    """What they are worth in the operator's books, in minor units of `value_currency`."""
    value_currency: Annotated[CurrencyCode, like("USD")]
    """The currency (ISO 4217) of the books, in which limits are counted."""
    fee_minor: Annotated[MinorUnits, like(0)]
    """What the provider takes, in minor units of `currency`; 0 if the operator pays it."""
    amount_minor: Annotated[MinorUnits, like(1_000)]
    """What arrives, after the fee."""
    currency: CurrencyCode
    """The currency (ISO 4217) in which the money arrives."""
    exchange: Annotated[ExchangeResponse | None, like(None)]
    """At which rate the value becomes the amount; null if both have one currency."""
    rate_version: Annotated[int, like(1)]
    """Which version of the creator's diamond rate it is made with."""
    expires_at: Annotated[Instant, like("2026-11-23T12:05:00Z")]
    """Until when `POST /v1/payouts` takes it at these terms."""
    left: LeftResponse
    """What is left of each limit before this quote is used."""


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
