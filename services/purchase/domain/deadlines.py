"""
When a period that a law gives in days ends, where the buyer is.

As Regulation (EEC, Euratom) No 1182/71 counts: the day of the event is not counted; the last day
counts to the end of its last hour; and if that day is a Saturday, a Sunday or a public holiday,
the period ends with the next working day. Other laws move a deadline less far; none moves it
further. What is not known of the buyer (which zone of a large country, which region's holidays)
is decided in their favour.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Where a day ends last of all: for a country whose zones are not listed.
LAST_ZONE = "Etc/GMT+12"
_DAY = timedelta(days=1)
_SATURDAY = 5
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FIXED = re.compile(r"(\d\d)-(\d\d)")
_ONCE = re.compile(r"\d{4}-\d\d-\d\d")
_EASTER = re.compile(r"(easter|pascha)(?:([+-])(\d{1,2}))?")
_WEEKDAY = re.compile(rf"({'|'.join(_WEEKDAYS)}) (\d\d)-(\d\d)")


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    The zones of a country, and its public holidays, those of any region among them.

    A holiday is `05-01`, `2027-02-08`, `easter-2`, `pascha+1` (the orthodox Easter) or
    `monday 05-25`: the first Monday from that day on. One of `moved_holidays` that falls on a
    weekend is kept on the next working day.
    """

    zones: tuple[str, ...] = (LAST_ZONE,)
    holidays: tuple[str, ...] = ()
    moved_holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.zones
        for zone in self.zones:
            ZoneInfo(zone)
        for rule in (*self.holidays, *self.moved_holidays):
            for year in (2027, 2028):  # a usual one, and one with a leap day
                list(_days(rule, year))

    def end_of(self, event: datetime, days: int) -> datetime:
        """Return the moment before which something has to be done within so many days."""
        return max(self._end_in(ZoneInfo(zone), event, days) for zone in self.zones)

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self._holidays(day.year)

    def _end_in(self, zone: ZoneInfo, event: datetime, days: int) -> datetime:
        day = event.astimezone(zone).date() + days * _DAY
        while not self.is_working_day(day):
            day += _DAY
        return _end_of_day(day, zone)

    def _holidays(self, year: int) -> set[date]:
        # Of the year before as well: what is moved may be moved across its end.
        years = (year - 1, year)
        found = {day for each in years for rule in self.holidays for day in _days(rule, each)}
        moved = [day for each in years for rule in self.moved_holidays for day in _days(rule, each)]
        for day in sorted(moved):
            while day.weekday() >= _SATURDAY or day in found:
                day += _DAY  # noqa: PLW2901
            found.add(day)
        return found


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


def _days(rule: str, year: int) -> Iterator[date]:
    """Yield the day of a holiday in a year, if it has one in it."""
    if _ONCE.fullmatch(rule):
        if (day := date.fromisoformat(rule)).year == year:
            yield day
    elif found := _FIXED.fullmatch(rule):
        yield date(year, int(found[1]), int(found[2]))
    elif found := _EASTER.fullmatch(rule):
        sunday = _easter(year) if found[1] == "easter" else _pascha(year)
        yield sunday + int(f"{found[2] or '+'}{found[3] or 0}") * _DAY
    elif found := _WEEKDAY.fullmatch(rule):
        day = date(year, int(found[2]), int(found[3]))
        yield day + (_WEEKDAYS.index(found[1]) - day.weekday()) % 7 * _DAY
    else:
        raise ValueError(f"{rule!r} names no holiday")


def _easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian algorithm)."""
    century, golden = year // 100, year % 19
    skipped = century - century // 4 - (8 * century + 13) // 25
    moon = (skipped + 19 * golden + 15) % 30
    moon -= (moon // 28) * (1 - (moon // 28) * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    offset = moon - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))


def _pascha(year: int) -> date:
    """Easter Sunday of the orthodox churches (Meeus's Julian algorithm), 1900 to 2099."""
    moon = (19 * (year % 19) + 15) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
    month, day = divmod(moon + weekday + 114, 31)
    return date(year, month, day + 1) + 13 * _DAY
