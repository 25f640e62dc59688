"""What can be bought."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.domain.prices import CurrencyNotOffered, PriceList
from shared.auth import Caller, Unauthenticated
from shared.http import refusals

COINS_MAX = 1_000_000_000

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Package(BaseModel):
    """Coins at a price; `highlight` marks the one to show first."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    highlight: bool


class Packages(BaseModel):
    """What can be bought in one currency."""

    items: list[Package]
    currency: str


def add_routes(router: APIRouter, prices: PriceList) -> None:
    @router.get(
        "/packages",
        tags=["packages"],
        responses=refusals(Unauthenticated, CurrencyNotOffered),
    )
    async def packages(
        _: Caller,
        currency: Currency = "USD",
        covering: Annotated[int | None, Query(ge=1, le=COINS_MAX)] = None,
    ) -> Packages:
        """
        List what can be bought.

        `covering` asks for what brings at least so many coins, cheapest first; if nothing does,
        for the largest package.
        """
        offers = prices.offers(currency, covering=covering)
        return Packages(items=[Package.model_validate(each) for each in offers], currency=currency)
