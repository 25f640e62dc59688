"""Accountants read the trial balance, and the liability to viewers."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from services.wallet.store import liability
from shared.backoffice.trial_balance import FinanceReader, add_trial_balance
from shared.http import Db, refusals
from shared.http.auth import ScopeMissing
from shared.http.csv import SHEET, Format, csv_of
from shared.identity.tokens import Unauthenticated


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


router = APIRouter()
add_trial_balance(router, "wallet")


@router.get(
    "/operator/wallet/liability",
    tags=["finance"],
    response_model=Liability,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing),
)
async def read_liability(
    _: FinanceReader,
    db: Db,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Liability | Response:
    """Read what is owed to viewers by age, and what was released to revenue."""
    async with db.snapshot() as tx:
        lines = await liability.liability(tx)
    items = [LiabilityLine.model_validate(line) for line in lines]
    return csv_of(items, LiabilityLine) if format == "csv" else Liability(items=items)
