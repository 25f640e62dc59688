"""Accountants read what creators are owed, whose diamonds lie still, and what falls due."""

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AfterValidator, ConfigDict

from services.payout.api.payouts import WiredRules
from services.payout.commands import finance
from services.payout.commands.finance import DormantPlace
from services.payout.domain.finance import FORECAST_DAYS_MAX, DayOpen
from shared.backoffice.trial_balance import FinanceReader
from shared.contracts.base import in_unit, like
from shared.http import AllParts, BadCursor, decode_cursor, encode_cursor, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.csv import SHEET, Format, csv_of
from shared.http.fields import (
    CountryCode,
    CreatorName,
    CurrencyCode,
    Day,
    Diamonds,
    Instant,
    MinorUnits,
)
from shared.http.pages import Cursor
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
    Query(
        max_length=64,
        pattern=r"^[A-Za-z0-9_+/-]+$",
        description="The time zone (IANA) whose midnight ends a day.",
        examples=["UTC"],
    ),
    AfterValidator(_known_zone),
]
AsOf = Annotated[
    date,
    Query(ge=date(2000, 1, 1), description="At the end of this day.", examples=["2026-10-31"]),
]
Country = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Z]{2}$",
        description="The country of creators (ISO 3166-1 alpha-2); without it, all countries.",
        examples=["JP"],
    ),
]
StillDays = Annotated[
    int,
    Query(
        ge=1,
        le=36_500,
        description="For how many days nothing moved a creator's diamonds.",
        examples=[365],
    ),
]
DaysAhead = Annotated[
    int,
    Query(
        ge=1,
        le=FORECAST_DAYS_MAX,
        description="How many days are forecast, today included.",
        examples=[30],
    ),
]


class PayableLine(Body):
    """
    What creators of one country have and are owed: diamonds, or minor units of a currency.

    `country` is that of a creator's newest payee or payout, null where none is known.
    """

    model_config = ConfigDict(from_attributes=True)

    country: CountryCode | None
    """
    The country of creators (ISO 3166-1 alpha-2), by their newest payee or payout; null where none
    is known.
    """
    asset: Annotated[str, like("diamonds", "USD")]
    """What `amount` counts: `diamonds`, or the minor units of a currency (ISO 4217)."""
    creators: Annotated[int, in_unit("creators", 12)]
    """How many creators that is."""
    amount: Annotated[int, like(101_000)]
    """What they have in all, or are owed."""


class Payable(Body):
    """Creator payable at the end of a day, by country; open payouts are in it until paid."""

    as_of: Annotated[Day, like("2026-10-31")]
    """The day at whose end it was so."""
    time_zone: Annotated[str, like("UTC")]
    """Whose midnight ends the day (IANA)."""
    items: list[PayableLine]
    """One line for each country and asset."""


class DormantLine(Body):
    """A creator with diamonds that nothing moved since `newest_at`, and what they are owed."""

    model_config = ConfigDict(from_attributes=True)

    creator: CreatorName
    country: CountryCode | None
    """
    The creator's country (ISO 3166-1 alpha-2), by their newest payee or payout; null if it is not
    known.
    """
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds they have."""
    owed_minor: Annotated[MinorUnits, like(1_000)]
    """What they are owed for them."""
    currency: CurrencyCode
    newest_at: Annotated[Instant, like("2025-10-01T12:00:00Z")]
    """When anything last moved their diamonds."""


class Dormants(Body):
    """Dormant balances; a page may be empty while `next_cursor` is there."""

    items: list[DormantLine]
    """The dormant balances of this page; it may be empty before the end."""
    next_cursor: Annotated[str | None, like(None, "WyJsZWEiXQ")]
    """Send it as `cursor` to get the next page; null at the end. Opaque, and it does not expire."""


class ForecastLine(Body):
    """
    What falls due on one day, and what has fallen due up to its end if nothing is paid.

    `automatic_minor` is what automatic payouts ask for on that day, if each has enough for one.
    """

    model_config = ConfigDict(from_attributes=True)

    day: Day
    """The day, in the operator's time zone."""
    currency: CurrencyCode
    creators: Annotated[int, in_unit("creators", 12)]
    """How many creators have something that falls due on it."""
    diamonds: Annotated[Diamonds, like(61_000)]
    """How many diamonds mature on it; today also those that are available already."""
    due_minor: Annotated[MinorUnits, like(30_500)]
    """What those are worth."""
    cumulative_minor: Annotated[MinorUnits, like(30_500)]
    """What has fallen due up to its end, if nothing is paid."""
    automatic_minor: Annotated[MinorUnits, like(12_000)]
    """What automatic payouts ask for on it at most."""


class Forecast(Body):
    """The money that creators may ask for, by day; today has what is available already."""

    time_zone: Annotated[str, like("Europe/Dublin")]
    """Whose midnight ends a day (IANA)."""
    items: list[ForecastLine]
    """One line for each day and currency; days of nothing are left out."""


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
    days: StillDays = 365,
    cursor: Cursor = None,
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
    days: DaysAhead = 30,
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
