"""Accountants read what creators are owed, whose diamonds lie still, and what falls due."""

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict

from services.payout.api.payouts import WiredRules
from services.payout.commands import finance
from services.payout.commands.finance import DormantPlace
from services.payout.domain.finance import FORECAST_DAYS_MAX, DayOpen
from shared.backoffice.trial_balance import FinanceReader
from shared.http import AllParts, BadCursor, decode_cursor, encode_cursor, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.csv import SHEET, Format, csv_of
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter(tags=["finance"])

LOOKED_AT_MAX = 1_000
# It names people, unlike what accountants read.
DormantReader = Annotated[Identity, operator_with("dormant:read")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("no time zone of the IANA database") from None
    return name


Zone = Annotated[
    str,
    Query(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$", description="Whose midnight ends a day."),
    AfterValidator(_known_zone),
]
AsOf = Annotated[date, Query(ge=date(2000, 1, 1), description="At the end of this day.")]
Country = Annotated[str | None, Query(pattern=r"^[A-Z]{2}$", description="Of creators: JP.")]


class PayableLine(BaseModel):
    """
    What creators of one country have and are owed: diamonds, or minor units of a currency.

    `country` is that of a creator's newest payee or payout, null where none is known.
    """

    model_config = ConfigDict(from_attributes=True)

    country: str | None
    asset: str
    creators: int
    amount: int


class Payable(BaseModel):
    """Creator payable at the end of a day, by country; open payouts are in it until paid."""

    as_of: date
    time_zone: str
    items: list[PayableLine]


class DormantLine(BaseModel):
    """A creator with diamonds that nothing moved since `newest_at`, and what they are owed."""

    model_config = ConfigDict(from_attributes=True)

    creator: str
    country: str | None
    diamonds: int
    owed_minor: int
    currency: str
    newest_at: datetime


class Dormants(BaseModel):
    """Dormant balances; a page may be empty while `next_cursor` is there."""

    items: list[DormantLine]
    next_cursor: str | None


class ForecastLine(BaseModel):
    """
    What falls due on one day, and what has fallen due up to its end if nothing is paid.

    `automatic_minor` is what automatic payouts ask for on that day, if each has enough for one.
    """

    model_config = ConfigDict(from_attributes=True)

    day: date
    currency: str
    creators: int
    diamonds: int
    due_minor: int
    cumulative_minor: int
    automatic_minor: int


class Forecast(BaseModel):
    """The money that creators may ask for, by day; today has what is available already."""

    time_zone: str
    items: list[ForecastLine]


@router.get(
    "/operator/finance/payable",
    response_model=Payable,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing, DayOpen),
)
async def read_creator_payable(
    _: FinanceReader,
    db: AllParts,
    as_of: AsOf,
    time_zone: Zone = "UTC",
    country: Country = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Payable | Response:
    """Read what creators were owed at the end of any day, from the ledger's entries."""
    found = await finance.read_payable(
        db, as_of, zone=time_zone, country=country, now=datetime.now(UTC)
    )
    items = [PayableLine.model_validate(line) for line in found]
    if format == "csv":
        return csv_of(items, PayableLine)
    return Payable(as_of=as_of, time_zone=time_zone, items=items)


@router.get(
    "/operator/finance/dormant",
    responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
)
async def list_dormant_balances(
    _: DormantReader,
    db: AllParts,
    days: Annotated[int, Query(ge=1, le=36_500)] = 365,
    cursor: str | None = None,
) -> Dormants:
    """Read whose diamonds nothing has moved for so many days: no gift, payout or correction."""
    after = _place_in(cursor, db.part_count)
    found, last = await finance.read_dormant(
        db, days=days, after=after, limit=LOOKED_AT_MAX, now=datetime.now(UTC)
    )
    return Dormants(
        items=[DormantLine.model_validate(line) for line in found],
        next_cursor=None if last is None else encode_cursor([*last]),
    )


@router.get(
    "/operator/finance/forecast",
    response_model=Forecast,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing),
)
async def read_treasury_forecast(
    _: FinanceReader,
    db: AllParts,
    rules: WiredRules,
    days: Annotated[int, Query(ge=1, le=FORECAST_DAYS_MAX)] = 30,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Forecast | Response:
    """Read what falls due per day: diamonds that are available, and those that will mature."""
    found = await finance.read_forecast(db, days=days, zone=rules.time_zone, now=datetime.now(UTC))
    items = [ForecastLine.model_validate(line) for line in found]
    if format == "csv":
        return csv_of(items, ForecastLine)
    return Forecast(time_zone=rules.time_zone, items=items)


def _place_in(cursor: str | None, part_count: int) -> DormantPlace:
    match [0, ""] if cursor is None else decode_cursor(cursor):
        case [int() as number, str() as creator]:
            if 0 <= number < part_count and "\0" not in creator:
                return number, creator
    raise BadCursor
