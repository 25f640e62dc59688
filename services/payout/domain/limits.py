"""
How much a creator may ask for: in a day, in seven days, how often, and one payout at a time.

Amounts count in the currency of the books, whatever currency a payout arrives in. What came back
to the creator does not count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.payout.domain.rates import Rules
from shared.errors import Kind, Refusal

SEVEN_DAYS = timedelta(days=7)


class BelowMinimum(Refusal):
    """So few diamonds cannot be paid out yet."""

    kind = Kind.INVALID


class DailyMaximum(Refusal):
    """No more can be paid out today."""

    kind = Kind.INVALID


class WeeklyMaximum(Refusal):
    """No more can be paid out within seven days."""

    kind = Kind.INVALID


class TooManyPayouts(Refusal):
    """You have asked for as many payouts as one may in a day; ask again tomorrow."""

    kind = Kind.LIMITED


class PayoutOpen(Refusal):
    """Another payout of yours is still under way."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class PayoutUsage:
    """
    What a creator asked for lately, as it counts for the limits.

    `oldest_at` is when the oldest payout of the seven days was requested. To decide by it, hold the
    creator's lock.
    """

    today_minor: int
    in_7_days_minor: int
    requests_today: int
    oldest_at: datetime | None
    open_payout: UUID | None


UNUSED = PayoutUsage(0, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit: how much there is in all, how much is used, and when there is more."""

    total: int
    used: int
    more_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.total - self.used)


@dataclass(frozen=True, slots=True)
class PayoutLimits:
    """What a creator may still ask for; amounts are minor units of the books' `currency`."""

    currency: str
    day: Allowance
    seven_days: Allowance
    requests: Allowance
    open_payout: UUID | None

    @property
    def left_minor(self) -> int:
        return min(self.day.left, self.seven_days.left)

    def require_request(self) -> None:
        """Refuse a payout beside an open one, or one too many of a day."""
        if self.open_payout is not None:
            raise PayoutOpen(payout=self.open_payout)
        if not self.requests.left:
            raise TooManyPayouts(
                requests_per_day=self.requests.total, more_at=self.requests.more_at
            )

    def require_amount(self, value_minor: int) -> None:
        """Refuse an amount that is more than is left."""
        if value_minor > self.left_minor:
            raise self.used_up()

    def used_up(self) -> Refusal:
        """Return the refusal of the limit that leaves least."""
        is_week = self.seven_days.left < self.day.left
        tightest = self.seven_days if is_week else self.day
        refusal = WeeklyMaximum if is_week else DailyMaximum
        return refusal(
            remaining_minor=tightest.left, currency=self.currency, more_at=tightest.more_at
        )


def limits_of(usage: PayoutUsage, *, now: datetime, rules: Rules) -> PayoutLimits:
    """Return what is left of each limit after what was used."""
    tomorrow = next_day(now, rules.time_zone)
    return PayoutLimits(
        currency=rules.currency,
        day=Allowance(rules.maximum_minor_per_day, usage.today_minor, tomorrow),
        seven_days=Allowance(
            rules.maximum_minor_per_7_days,
            usage.in_7_days_minor,
            usage.oldest_at + SEVEN_DAYS if usage.oldest_at else None,
        ),
        requests=Allowance(rules.requests_per_day_max, usage.requests_today, tomorrow),
        open_payout=usage.open_payout,
    )


def next_day(now: datetime, time_zone: str) -> datetime:
    """Return when the next day begins where the operator's days end."""
    local = now.astimezone(ZoneInfo(time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (midnight + timedelta(days=1)).replace(tzinfo=local.tzinfo)
