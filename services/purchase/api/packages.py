"""What can be bought."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from services.purchase.domain.prices import Offer, list_offers
from services.purchase.domain.rules import Rules
from shared.contracts.base import in_unit, like
from shared.http import from_state, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import Coins, CurrencyCode, MinorUnits
from shared.identity.tokens import Unauthenticated
from shared.prices.packages import Channel
from shared.prices.price_list import CurrencyNotOffered, PriceList

COINS_MAX = 1_000_000_000

MethodName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
PayIn = Annotated[
    Currency | None,
    Query(
        description="The currency (ISO 4217) of all prices; without it, the usual one of the"
        " caller's country.",
        examples=["USD"],
    ),
]
Covering = Annotated[
    int | None,
    Query(
        ge=1,
        le=COINS_MAX,
        description="Only what brings at least so many coins; without it, everything.",
        examples=[100],
    ),
]
BuyIn = Annotated[
    Channel,
    Query(
        description="Where the caller buys: the web, or an app whose store has to sell.",
        examples=["web"],
    ),
]
FromRules = Annotated[Rules, from_state("rules")]

router = APIRouter(tags=["packages"])


class Package(Body):
    """
    Coins at a price, tax included; `highlight` marks the one to show first.

    `reduced_from_minor` is null unless the price fell in the last 30 days. It is the lowest price
    of the 30 days before that, the one to show a reduction with.
    """

    model_config = ConfigDict(from_attributes=True)

    sku: Annotated[str, like("coins_500")]
    """The package, to be sent as `package` of `POST /v1/purchases`."""
    coins: Annotated[Coins, like(500)]
    """How many coins it brings for its price."""
    bonus_coins: Annotated[Coins, like(0)]
    """How many coins it brings on top. A refund does not pay for them, and they are spent first."""
    amount_minor: Annotated[MinorUnits, like(499)]
    """Its price now, tax included."""
    currency: CurrencyCode
    highlight: Annotated[bool, like(True)]
    """Whether it is the one to show first."""
    reduced_from_minor: Annotated[MinorUnits | None, like(None, 599)]
    """
    The lowest price of the 30 days before the price fell, to show a reduction with. Null unless it
    fell in the last 30 days.
    """


class Custom(Body):
    """
    How coins are sold one by one: buy `sku` with a number of `coins` within the limits.

    The price is coins x `minor_per_1000_coins` / 1,000, rounded up, and at least
    `amount_minor_min`. `reduced_from_minor_per_1000` is as in the packages.
    """

    sku: Annotated[str, like("custom")]
    """To be sent as `package` of `POST /v1/purchases`, with a number of `coins`."""
    coins_min: Annotated[Coins, like(50)]
    """The smallest number of coins that can be bought so."""
    coins_max: Annotated[Coins, like(25_000)]
    """The largest number of coins that can be bought so."""
    minor_per_1000_coins: Annotated[MinorUnits, like(1_000)]
    """The price of 1,000 coins, tax included. A purchase costs its share, rounded up."""
    amount_minor_min: Annotated[MinorUnits, like(50)]
    """The least that a purchase costs, however few coins it has."""
    reduced_from_minor_per_1000: Annotated[MinorUnits | None, like(None)]
    """
    The lowest price of 1,000 coins in the 30 days before it fell. Null unless it fell in the last
    30 days.
    """


class Packages(Body):
    """
    What can be bought in one currency; `custom` is null where only packages are sold.

    `currencies` is what the caller may choose from, the usual one of their country first;
    `methods` are the ways to pay in this currency, the usual one first. A viewer's first purchase
    brings `first_purchase_percent` of its coins on top.
    """

    items: list[Package]
    """The packages, cheapest first; empty if nothing is for sale where the caller is."""
    currency: Annotated[CurrencyCode, like("USD")]
    """The currency (ISO 4217) of all prices here."""
    currencies: Annotated[list[str], like(["USD", "EUR"])]
    """The currencies that the caller may choose, the usual one of their country first."""
    methods: Annotated[list[str], like(["card", "paypal"])]
    """
    The ways to pay in this currency, the usual one first: one is `method` of `POST /v1/purchases`.
    """
    custom: Custom | None
    """How coins are sold one by one; null where only packages are sold."""
    first_purchase_percent: Annotated[int, in_unit("percent", 0)] = 0
    """How many percent of its coins a viewer's first purchase brings on top; 0 for none."""


@router.get(
    "/packages",
    openapi_extra=ANY_CALLER,
    responses=refusals(Unauthenticated, CurrencyNotOffered),
)
async def list_packages(
    caller: Caller,
    rules: FromRules,
    currency: PayIn = None,
    covering: Covering = None,
    channel: BuyIn = Channel.WEB,
) -> Packages:
    """
    List what can be bought, in the usual currency of the caller's country or another of it.

    `covering` asks for what brings at least so many coins, cheapest first, and for exactly so
    many as `custom`; if nothing brings enough, for the largest package. `channel` says where the
    caller buys: apps may have other prices and other ways to pay than the web, and sell what
    their store knows.
    """
    here = rules.prices.offered(datetime.now(UTC), channel=channel, country=caller.country)
    currency = here.choose_currency(currency)
    skus = rules.methods.sold_in(channel, caller.country, currency)
    if skus is not None:
        here = here.only(skus)
    # In an app without a store nothing is for sale, in whatever currency.
    offers = list_offers(here, currency, covering=covering) if skus != set() else []
    return Packages(
        items=[_package(each, rules) for each in offers],
        currency=currency,
        currencies=here.payable(),
        methods=[
            method.name for method in rules.methods.offered(channel, caller.country, currency)
        ],
        custom=_custom(here, currency),
        first_purchase_percent=rules.promotions.first_percent,
    )


def _package(offer: Offer, rules: Rules) -> Package:
    bonus_coins = rules.promotions.bonus_of(offer.sku, offer.bonus_coins)
    return Package.model_validate(replace(offer, bonus_coins=bonus_coins))


def _custom(prices: PriceList, currency: str) -> Custom | None:
    custom = prices.custom_in(currency)
    if custom is None:
        return None
    return Custom(
        sku=custom.sku,
        coins_min=custom.coins_min,
        coins_max=custom.coins_max,
        minor_per_1000_coins=custom.minor_per_1000_coins[currency],
        amount_minor_min=custom.amount_minor_min.get(currency, 0),
        reduced_from_minor_per_1000=prices.reduced_from.get(custom.sku, {}).get(currency),
    )
