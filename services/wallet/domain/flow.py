"""How many coins come in and go out, by the hour."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FlowHour:
    """Coins that purchases brought in an hour, with their bonuses, and coins that paid gifts."""

    hour: datetime
    bought_coins: int = 0
    given_coins: int = 0

    def plus(self, other: "FlowHour") -> "FlowHour":
        return replace(
            self,
            bought_coins=self.bought_coins + other.bought_coins,
            given_coins=self.given_coins + other.given_coins,
        )


def add_hours(found: Iterable[FlowHour], *, since: datetime, until: datetime) -> list[FlowHour]:
    """Add up what parts know of each hour of a time, the oldest first; an hour may be quiet."""
    sums = {hour: FlowHour(hour) for hour in hours_between(since, until)}
    for each in found:
        sums[each.hour] = sums[each.hour].plus(each)
    return list(sums.values())


def hours_between(since: datetime, until: datetime) -> list[datetime]:
    """Return the beginnings of the hours from one whole hour on, up to a moment."""
    hours = []
    while since < until:
        hours.append(since)
        since += HOUR
    return hours
