"""The numbers of `seeds/rules.toml` that send payouts to a person, and say by when one decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """What a person has to look at, and how long creators wait for it."""

    # Minor units of the books' currency: above the first a person looks, above the second two.
    above_minor: int
    dual_above_minor: int
    # For how long an early fraud warning counts against diamonds that have matured.
    warning_days: int
    # So many coins of a creator's gifts that were reversed in so many days.
    reversed_coins_min: int
    reversed_days: int
    # When a decision is due, and when it is promised at the latest.
    business_days: int
    promised_days: int
    # Until when a creator may appeal, after the rejection.
    appeal_days: int

    def __post_init__(self) -> None:
        assert 0 < self.above_minor <= self.dual_above_minor
        assert min(self.warning_days, self.reversed_days, self.reversed_coins_min) > 0
        assert 0 < self.business_days < self.promised_days
        assert self.appeal_days > 0

    def decide_by(self, opened_at: datetime, time_zone: str) -> datetime:
        """Return when a decision is due: the same time of day, so many working days later."""
        zone = ZoneInfo(time_zone)
        local = opened_at.astimezone(zone).replace(tzinfo=None)
        left = self.business_days
        while left:
            local += timedelta(days=1)
            left -= local.weekday() < _SATURDAY
        return local.replace(tzinfo=zone)

    def promised_by(self, opened_at: datetime) -> datetime:
        return opened_at + timedelta(days=self.promised_days)

    def appeal_until(self, rejected_at: datetime) -> datetime:
        return rejected_at + timedelta(days=self.appeal_days)
