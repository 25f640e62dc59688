"""When payouts are requested automatically, and under which key each of them is."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.errors import Kind, Refusal

RETRY_AFTER = timedelta(days=1)


class BelowThreshold(Refusal):
    """Fewer diamonds are available than you chose for an automatic payout."""

    kind = Kind.CONFLICT


class ScheduleKind(StrEnum):
    """How often a payout is requested; `above` looks every day whether there is enough."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ABOVE = "above"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    What a creator chose, and what became of the last try.

    Age and country are the token's of the moment in which it was set. `last_refusal` is the code of
    what stood in the way, None if a payout was requested.
    """

    creator: str
    kind: ScheduleKind
    threshold_diamonds: int | None
    # None: that of the creator's rate.
    currency: str | None
    age_years: int | None
    country: str | None
    next_at: datetime | None
    last_tried_at: datetime | None
    last_refusal: str | None

    def period(self, at: datetime, time_zone: str) -> str:
        """Return the name of the week, month or day: one payout each, whatever is tried again."""
        day = at.astimezone(ZoneInfo(time_zone)).date()
        year, week, _ = day.isocalendar()
        names = {
            ScheduleKind.WEEKLY: f"{year}-W{week:02}",
            ScheduleKind.MONTHLY: f"{day:%Y-%m}",
            ScheduleKind.ABOVE: f"{day:%Y-%m-%d}",
        }
        return names[self.kind]

    def key(self, at: datetime, time_zone: str) -> str:
        """Return the permanent idempotency key of the payout of a period."""
        return f"auto:{self.period(at, time_zone)}"


def next_day_of(kind: ScheduleKind, day: date) -> date | None:
    """Return the day after this one on which the next week, month or day begins."""
    match kind:
        case ScheduleKind.WEEKLY:
            return day + timedelta(days=7 - day.weekday())
        case ScheduleKind.MONTHLY:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case ScheduleKind.ABOVE:
            return day + timedelta(days=1)
    return None


def next_period(kind: ScheduleKind, now: datetime, time_zone: str) -> datetime | None:
    """Return when the next week, month or day begins where the operator's days end."""
    zone = ZoneInfo(time_zone)
    day = next_day_of(kind, now.astimezone(zone).date())
    return None if day is None else datetime.combine(day, time(), zone)


def next_try(schedule: Schedule, now: datetime, time_zone: str) -> datetime:
    """Return when to try again after a refusal: tomorrow, at the latest with the next period."""
    begins = next_period(schedule.kind, now, time_zone)
    assert begins is not None
    return min(now + RETRY_AFTER, begins)
