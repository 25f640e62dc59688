"""Accountants read the trial balance, the liability to viewers, and the inputs of breakage."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict

from services.wallet.commands import liability as commands
from services.wallet.domain.liability import LiabilityUnknown
from shared.backoffice.trial_balance import FinanceReader
from shared.contracts.base import in_unit, like
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.csv import SHEET, Format, csv_of
from shared.http.fields import Coins, CurrencyCode, MinorUnits
from shared.identity.tokens import Unauthenticated

AsOf = Annotated[
    date | None,
    Query(
        description="At the end of this day, in UTC; now if it is missing.",
        examples=["2026-10-31"],
    ),
]
Country = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Z]{2}$",
        description="The country of buyers (ISO 3166-1 alpha-2); without it, all countries.",
        examples=["JP"],
    ),
]


class LiabilityLine(Body):
    """
    Coins bought in one currency, by the age of their lots in days.

    Deferred (owed to viewers) + released (earned by gifts) + refunded + disputed = price - tax.
    `deferred_gross_minor` is what is owed with its tax.
    """

    model_config = ConfigDict(from_attributes=True)

    currency: CurrencyCode
    age: Annotated[str, like("0-30", "31-90")]
    """How old the lots are, in days: `0-30`, `31-90`, `91-365` or `over 365`."""
    lots: Annotated[int, in_unit("lots", 310)]
    """How many lots that is."""
    unspent_coins: Annotated[Coins, like(750_500)]
    """How many of their coins are left."""
    price_minor: Annotated[MinorUnits, like(1_249_000)]
    """What was paid for them, tax included."""
    tax_minor: Annotated[MinorUnits, like(0)]
    """How much of that is tax."""
    deferred_gross_minor: Annotated[MinorUnits, like(749_900)]
    """What is owed to viewers for coins that are left, tax included."""
    deferred_minor: Annotated[MinorUnits, like(749_900)]
    """The same without tax: deferred revenue."""
    released_minor: Annotated[MinorUnits, like(484_100)]
    """What is revenue because the coins were used, without tax."""
    refunded_minor: Annotated[MinorUnits, like(12_000)]
    """What was refunded, without tax."""
    disputed_minor: Annotated[MinorUnits, like(3_000)]
    """What banks took back, without tax."""


class Liability(Body):
    items: list[LiabilityLine]
    """One line for each currency and age."""


class BreakageLine(Body):
    """
    Unused coins, by the age of their lots and the days since their wallets last moved.

    Of the lots, `untouched` are those of which no coin was ever used.
    """

    model_config = ConfigDict(from_attributes=True)

    currency: CurrencyCode
    age: Annotated[str, like("over 365")]
    """How old the lots are, in days: `0-30`, `31-90`, `91-365` or `over 365`."""
    idle: Annotated[str, like("91-365")]
    """For how many days their wallets did not move, in the words of `age`."""
    lots: Annotated[int, in_unit("lots", 12)]
    """How many lots that is."""
    untouched: Annotated[int, in_unit("lots", 3)]
    """Of how many of them no coin was ever used."""
    wallets: Annotated[int, in_unit("wallets", 9)]
    """How many wallets they are in."""
    unspent_coins: Annotated[Coins, like(4_000)]
    """How many of their coins are left."""
    deferred_gross_minor: Annotated[MinorUnits, like(3_996)]
    """What was paid for the coins that are left, tax included."""
    deferred_minor: Annotated[MinorUnits, like(3_996)]
    """The same without tax."""


class Breakage(Body):
    items: list[BreakageLine]
    """One line for each currency, age and idle time."""


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
