"""Accountants read the trial balance, the liability to viewers, and the inputs of breakage."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from services.wallet.commands import liability as commands
from services.wallet.domain.liability import LiabilityUnknown
from shared.backoffice.trial_balance import FinanceReader
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.csv import SHEET, Format, csv_of
from shared.identity.tokens import Unauthenticated

AsOf = Annotated[
    date | None, Query(description="At the end of this day, in UTC; now if it is missing.")
]
Country = Annotated[str | None, Query(pattern=r"^[A-Z]{2}$", description="Of buyers: JP.")]


class LiabilityLine(BaseModel):
    """
    Coins bought in one currency, by the age of their lots in days.

    Deferred (owed to viewers) + released (earned by gifts) + refunded + disputed = price - tax.
    `deferred_gross_minor` is what is owed with its tax.
    """

    model_config = ConfigDict(from_attributes=True)

    currency: str
    age: str
    lots: int
    unspent_coins: int
    price_minor: int
    tax_minor: int
    deferred_gross_minor: int
    deferred_minor: int
    released_minor: int
    refunded_minor: int
    disputed_minor: int


class Liability(BaseModel):
    items: list[LiabilityLine]


class BreakageLine(BaseModel):
    """
    Unused coins, by the age of their lots and the days since their wallets last moved.

    Of the lots, `untouched` are those of which no coin was ever used.
    """

    model_config = ConfigDict(from_attributes=True)

    currency: str
    age: str
    idle: str
    lots: int
    untouched: int
    wallets: int
    unspent_coins: int
    deferred_gross_minor: int
    deferred_minor: int


class Breakage(BaseModel):
    items: list[BreakageLine]


router = APIRouter(tags=["finance"])


@router.get(
    "/operator/wallet/liability",
    response_model=Liability,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing, LiabilityUnknown),
)
async def read_liability(
    _: FinanceReader,
    db: AllParts,
    as_of: AsOf = None,
    country: Country = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Liability | Response:
    """Read what is owed to viewers by age, and what was released to revenue, net of tax."""
    lines = await commands.read_liability(db, as_of=as_of, country=country)
    items = [LiabilityLine.model_validate(line) for line in lines]
    return csv_of(items, LiabilityLine) if format == "csv" else Liability(items=items)


@router.get(
    "/operator/wallet/breakage",
    response_model=Breakage,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing),
)
async def read_breakage(
    _: FinanceReader,
    db: AllParts,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Breakage | Response:
    """Read which coins may never be used: by age, and by how long their wallets lie still."""
    lines = await commands.read_breakage(db)
    items = [BreakageLine.model_validate(line) for line in lines]
    return csv_of(items, BreakageLine) if format == "csv" else Breakage(items=items)
