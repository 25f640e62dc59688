"""What can be bought."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.domain.prices import CurrencyNotOffered, PriceList
from services.purchase.domain.rules import Rules
from shared.http import from_state, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated

COINS_MAX = 1_000_000_000

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
FromRules = Annotated[Rules, from_state("rules")]

router = APIRouter()


class Package(BaseModel):
    """Coins at a price; `highlight` marks the one to show first."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    highlight: bool


class Custom(BaseModel):
    """
    How coins are sold one by one: buy `sku` with a number of `coins` within the limits.

    The price is coins x `minor_per_1000_coins` / 1,000, rounded up, and at least
    `amount_minor_min`.
    """

    sku: str
    coins_min: int
    coins_max: int
    minor_per_1000_coins: int
    amount_minor_min: int


class Packages(BaseModel):
    """
    What can be bought in one currency; `custom` is null where only packages are sold.

    `currencies` is what the caller may choose from, the usual one of their country first.
    """

    items: list[Package]
    currency: str
    currencies: list[str]
    custom: Custom | None


@router.get(
    "/packages",
    name="packages",
    openapi_extra=ANY_CALLER,
    tags=["packages"],
    responses=refusals(Unauthenticated, CurrencyNotOffered),
)
async def list_packages(
    caller: Caller,
    rules: FromRules,
    currency: Currency | None = None,
    covering: Annotated[int | None, Query(ge=1, le=COINS_MAX)] = None,
) -> Packages:
    """
    List what can be bought, in the usual currency of the caller's country or another of it.

    `covering` asks for what brings at least so many coins, cheapest first, and for exactly so
    many as `custom`; if nothing brings enough, for the largest package.
    """
    here = rules.prices.for_country(caller.country)
    currency = currency or here.usual_currency
    offers = here.offers(currency, covering=covering)
    return Packages(
        items=[Package.model_validate(each) for each in offers],
        currency=currency,
        currencies=here.payable(),
        custom=_custom(here, currency),
    )


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
    )
