"""What can be bought."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.domain.prices import Offer, list_offers
from services.purchase.domain.rules import Rules
from shared.http import from_state, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated
from shared.prices.packages import Channel
from shared.prices.price_list import CurrencyNotOffered, PriceList

COINS_MAX = 1_000_000_000

MethodName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
FromRules = Annotated[Rules, from_state("rules")]

router = APIRouter(tags=["packages"])


class Package(BaseModel):
    """
    Coins at a price, tax included; `highlight` marks the one to show first.

    `reduced_from_minor` is null unless the price fell in the last 30 days. It is the lowest price
    of the 30 days before that, the one to show a reduction with.
    """

    model_config = ConfigDict(from_attributes=True)

    sku: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    highlight: bool
    reduced_from_minor: int | None


class Custom(BaseModel):
    """
    How coins are sold one by one: buy `sku` with a number of `coins` within the limits.

    The price is coins x `minor_per_1000_coins` / 1,000, rounded up, and at least
    `amount_minor_min`. `reduced_from_minor_per_1000` is as in the packages.
    """

    sku: str
    coins_min: int
    coins_max: int
    minor_per_1000_coins: int
    amount_minor_min: int
    reduced_from_minor_per_1000: int | None


class Packages(BaseModel):
    """
    What can be bought in one currency; `custom` is null where only packages are sold.

    `currencies` is what the caller may choose from, the usual one of their country first;
    `methods` are the ways to pay in this currency, the usual one first. A viewer's first purchase
    brings `first_purchase_percent` of its coins on top.
    """

    items: list[Package]
    currency: str
    currencies: list[str]
    methods: list[str]
    custom: Custom | None
    first_purchase_percent: int = 0


@router.get(
    "/packages",
    openapi_extra=ANY_CALLER,
    responses=refusals(Unauthenticated, CurrencyNotOffered),
)
async def list_packages(
    caller: Caller,
    rules: FromRules,
    currency: Currency | None = None,
    covering: Annotated[int | None, Query(ge=1, le=COINS_MAX)] = None,
    channel: Channel = Channel.WEB,
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
