"""What an operator's finance asks of the diamonds: what is owed, and when it falls due."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

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
    """Diamonds that fall due on one day, of creators with one currency and rate."""

    day: date
    currency: str
    value_minor_per_1000: int
    creators: int
    diamonds: int


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """What falls due on one day in one currency, and what has fallen due up to its end."""

    day: date
    currency: str
    creators: int
    diamonds: int
    due_minor: int
    cumulative_minor: int


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


def add_payable(lines: Iterable[PayableLine]) -> list[PayableLine]:
    """Add up what is owed in several parts; creators of no known country come last."""
    sums: dict[tuple[str | None, str], tuple[int, int]] = {}
    for line in lines:
        creators, amount = sums.get((line.country, line.asset), (0, 0))
        sums[line.country, line.asset] = (creators + line.creators, amount + line.amount)
    by_name = sorted(sums, key=lambda names: (names[0] is None, names[0] or "", names[1]))
    return [PayableLine(*names, *sums[names]) for names in by_name]


def forecast(due: Iterable[DueDiamonds]) -> list[ForecastLine]:
    """
    Sum up what falls due by day and currency, and how much that is together.

    Rounded up: a forecast that is short of a cent is the worse one.
    """
    by_day: dict[tuple[date, str], list[DueDiamonds]] = {}
    for each in due:
        by_day.setdefault((each.day, each.currency), []).append(each)
    cumulative: dict[str, int] = {}
    lines = []
    for (day, currency), parts in sorted(by_day.items()):
        minor = sum(
            prorate(part.diamonds, part.value_minor_per_1000, 1_000, Rounding.UP) for part in parts
        )
        cumulative[currency] = cumulative.get(currency, 0) + minor
        lines.append(
            ForecastLine(
                day=day,
                currency=currency,
                creators=sum(part.creators for part in parts),
                diamonds=sum(part.diamonds for part in parts),
                due_minor=minor,
                cumulative_minor=cumulative[currency],
            )
        )
    return lines
