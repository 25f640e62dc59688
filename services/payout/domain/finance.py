"""What an operator's finance asks of the diamonds: what is owed, and when it falls due."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.payout.domain.schedules import ScheduleKind, next_day_of
from shared.errors import Kind, Refusal
from shared.money import Rounding, prorate

# The clocks of the service and of its database are not farther apart than this.
GRACE = timedelta(minutes=10)
FORECAST_DAYS_MAX = 120


class DayOpen(Refusal):
    """Books can be read up to the last day that is over."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class PayableLine:
    """What creators of one country are owed in one asset: diamonds, or minor units of money."""

    country: str | None
    asset: str
    creators: int
    amount: int


@dataclass(frozen=True, slots=True)
class DueDiamonds:
    """Diamonds that fall due on one day, of creators with one currency, rate and schedule."""

    day: date
    schedule: ScheduleKind
    currency: str
    value_minor_per_1000: int
    creators: int
    diamonds: int


@dataclass(slots=True)
class ForecastLine:
    """
    What falls due on one day in one currency, and what has fallen due up to its end.

    `automatic_minor` is what automatic payouts ask for on that day, at most.
    """

    day: date
    currency: str
    creators: int = 0
    diamonds: int = 0
    due_minor: int = 0
    cumulative_minor: int = 0
    automatic_minor: int = 0


@dataclass(frozen=True, slots=True)
class Dormant:
    """A creator whose diamonds nothing moved for a while."""

    creator: str
    country: str | None
    diamonds: int
    owed_minor: int
    currency: str
    newest_at: datetime


def end_of(day: date, zone: str, now: datetime) -> datetime:
    """Return the end of a day in a time zone; refuse one that is not over."""
    if day >= now.astimezone(ZoneInfo(zone)).date() or day == date.max:
        raise DayOpen(day=day)
    end = start_of(day + timedelta(days=1), zone)
    if end > now - GRACE:
        raise DayOpen(day=day)
    return end


def start_of(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def forecast(due: Iterable[DueDiamonds], *, end: date) -> list[ForecastLine]:
    """
    Sum up what falls due before a day, by day and currency, and when automatic payouts take it.

    Rounded up, and without minimum and threshold of an automatic payout: a forecast that is short
    is the worse one.
    """
    lines: dict[tuple[date, str], ForecastLine] = {}

    def line(day: date, currency: str) -> ForecastLine:
        return lines.setdefault((day, currency), ForecastLine(day, currency))

    for each in due:
        minor = prorate(each.diamonds, each.value_minor_per_1000, 1_000, Rounding.UP)
        on_its_day = line(each.day, each.currency)
        on_its_day.creators += each.creators
        on_its_day.diamonds += each.diamonds
        on_its_day.due_minor += minor
        requested_on = next_day_of(each.schedule, each.day)
        if requested_on is not None and requested_on < end:
            line(requested_on, each.currency).automatic_minor += minor
    cumulative: dict[str, int] = {}
    for (_, currency), each_line in sorted(lines.items()):
        cumulative[currency] = cumulative.get(currency, 0) + each_line.due_minor
        each_line.cumulative_minor = cumulative[currency]
    return [each_line for _, each_line in sorted(lines.items())]
