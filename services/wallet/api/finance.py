"""What finance asks of the wallet: what is owed to viewers, and what gifts have earned."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from services.wallet.commands import reading
from shared.backoffice.trial_balance import FinanceReader, add_trial_balance
from shared.http import refusals
from shared.http.auth import ScopeMissing
from shared.http.csv import SHEET, Format, csv_of
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database


class LiabilityLine(BaseModel):
    """
    Coins bought in one currency, by the age of their lots in days.

    Deferred (owed to viewers) + released (earned by gifts) + refunded + disputed = price.
    """

    model_config = ConfigDict(from_attributes=True)

    currency: str
    age: str
    lots: int
    unspent_coins: int
    price_minor: int
    deferred_minor: int
    released_minor: int
    refunded_minor: int
    disputed_minor: int


class Liability(BaseModel):
    items: list[LiabilityLine]


def add_routes(router: APIRouter, database: Database) -> None:
    add_trial_balance(router, "wallet")

    @router.get(
        "/operator/wallet/liability",
        tags=["finance"],
        response_model=Liability,
        responses=SHEET | refusals(Unauthenticated, ScopeMissing),
    )
    async def read_liability(
        _: FinanceReader,
        format: Format = "json",  # noqa: A002 - as it is asked for
    ) -> Liability | Response:
        """Read what is owed to viewers by age, and what was released to revenue."""
        async with database.snapshot() as tx:
            lines = await reading.liability(tx)
        items = [LiabilityLine.model_validate(line) for line in lines]
        return csv_of(items, LiabilityLine) if format == "csv" else Liability(items=items)
