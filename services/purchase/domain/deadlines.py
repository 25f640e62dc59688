"""
When a period that a law gives in days ends, where the buyer is.

As Regulation (EEC, Euratom) No 1182/71 counts: the day of the event is not counted; the last day
counts to the end of its last hour; and if that day is a Saturday, a Sunday or a public holiday,
the period ends with the next working day. Other laws move a deadline less far; none moves it
further. What is not known of the buyer (which zone of a large country, which region's holidays)
is decided in their favour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

# Where a day ends last of all: for a country whose zones are not listed.
LAST_ZONE = "Etc/GMT+12"
_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    The zones of a country, and which days are holidays there.

    A holiday of any of its `regions` counts; without a list these are all regions that the package
    `holidays` knows. `kinds` are the package's categories. Without a country only weekends are off.
    """

    country: str | None = None
    zones: tuple[str, ...] = (LAST_ZONE,)
    regions: tuple[str, ...] | None = None
    kinds: tuple[str, ...] = ("public",)
    more_holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not self.zones:
            raise ValueError(f"{self.country} has no time zone")
        for zone in self.zones:
            _zone(zone)
        if self.country is not None:
            known = country_holidays(self.country, categories=self.kinds)
            if unknown := {*(self.regions or ())} - {*known.subdivisions}:
                raise ValueError(f"{self.country} has no regions {sorted(unknown)}")

    def end_of(self, event: datetime, days: int) -> datetime:
        """Return the moment before which something has to be done within so many days."""
        return max(self._end_in(_zone(zone), event, days) for zone in self.zones)

    def is_working_day(self, day: date) -> bool:
        return not (
            day.weekday() >= _SATURDAY
            or day in self.more_holidays
            or (self.country and day in _holidays(self.country, self.regions, self.kinds, day.year))
        )

    def _end_in(self, zone: ZoneInfo, event: datetime, days: int) -> datetime:
        day = event.astimezone(zone).date() + days * _DAY
        while not self.is_working_day(day):
            day += _DAY
        return _end_of_day(day, zone)


def end_of_period(
    calendars: Mapping[str, Calendar], country: str | None, event: datetime, days: int
) -> datetime:
    """Return when a period ends; without a calendar of its country it ends where days end last."""
    return calendars.get(country or "", Calendar()).end_of(event, days)


def _end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """
    Return the first moment of the next day, in UTC.

    A clock that is set across midnight shows it twice or never: then the later moment counts.
    """
    midnight = datetime.combine(day + _DAY, time(), zone)
    return max(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    """Return a zone that stays in memory; the library's own cache has room for eight."""
    return ZoneInfo(name)


@lru_cache(maxsize=1_024)
def _holidays(
    country: str, regions: tuple[str, ...] | None, kinds: tuple[str, ...], year: int
) -> frozenset[date]:
    """Return the holidays of a year; those of the years beside it may be kept in it."""
    if regions is None:
        regions = country_holidays(country).subdivisions
    return frozenset(
        day
        for region in (None, *regions)
        for day in country_holidays(
            country,
            subdiv=region,
            years=(year - 1, year, year + 1),
            expand=False,
            categories=kinds,
        )
        if day.year == year
    )
