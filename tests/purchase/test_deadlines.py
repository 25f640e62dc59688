"""
When the time in which unused coins can be given back is over, as the law counts it where the buyer
is: to the end of the last day, and past weekends and public holidays.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from services.purchase.domain.deadlines import Calendar, end_of_period
from services.purchase.main import read_policy

CALENDARS = read_policy(Path("seeds/rules.toml")).calendars
BERLIN, MINUTE = ZoneInfo("Europe/Berlin"), timedelta(minutes=1)


def paid(moment, zone="Europe/Berlin"):
    return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))


def last_day(country, moment, days=14, *, zone="Europe/Berlin"):
    """The local day whose last minute is the last one."""
    end = end_of_period(CALENDARS, country, paid(moment, zone), days)
    return (end - MINUTE).astimezone(ZoneInfo(zone)).date().isoformat()


ENDS = [
    # The day of the payment is not counted, and the last day counts to its end.
    ("DE", "2026-11-12 09:00", 14, "2026-11-26"),
    ("DE", "2026-11-12 00:00", 14, "2026-11-26"),
    ("DE", "2026-11-12 23:59", 14, "2026-11-26"),
    # 27 November 2026 is a Friday, 28 a Saturday, 29 a Sunday.
    ("DE", "2026-11-13 09:00", 14, "2026-11-27"),
    ("DE", "2026-11-14 09:00", 14, "2026-11-30"),
    ("DE", "2026-11-15 09:00", 14, "2026-11-30"),
    # Christmas on Friday and Saturday, then Sunday.
    ("DE", "2026-12-11 09:00", 14, "2026-12-28"),
    # New Year's Day is a Friday: over the year's end, to Monday.
    ("DE", "2026-12-18 09:00", 14, "2027-01-04"),
    # Good Friday to Easter Monday; Ascension; Whit Monday; Corpus Christi of some regions.
    ("DE", "2026-03-20 09:00", 14, "2026-04-07"),
    ("DE", "2026-04-30 09:00", 14, "2026-05-15"),
    ("DE", "2026-05-11 09:00", 14, "2026-05-26"),
    ("DE", "2026-05-21 09:00", 14, "2026-06-05"),
    # Where the orthodox Easter counts: 10 to 13 April 2026.
    ("GR", "2026-03-27 09:00", 14, "2026-04-14"),
    # The last Monday of May, and Christmas on a weekend, kept on Monday and Tuesday.
    ("GB", "2026-05-11 12:00", 14, "2026-05-26"),
    ("GB", "2027-12-11 12:00", 14, "2027-12-29"),
    # Midsummer's Eve; the month's end; the leap day and the day it is not.
    ("SE", "2026-06-05 12:00", 14, "2026-06-22"),
    ("FR", "2026-01-30 12:00", 14, "2026-02-13"),
    ("FR", "2028-02-15 12:00", 14, "2028-02-29"),
    ("FR", "2027-02-15 12:00", 14, "2027-03-01"),
    ("BR", "2026-11-13 12:00", 7, "2026-11-23"),
    ("KR", "2026-09-17 12:00", 7, "2026-09-28"),
    # The new year of the moon: 26 to 28 January 2028, then the weekend.
    ("KR", "2028-01-19 12:00", 7, "2028-01-31"),
    # Carnival and Ash Wednesday, on which offices are closed; the Epiphany.
    ("BR", "2026-02-09 12:00", 7, "2026-02-19"),
    ("ES", "2025-12-23 12:00", 14, "2026-01-07"),
    # A holiday on a Saturday is kept on no other day in Austria and Switzerland.
    ("AT", "2026-12-12 12:00", 14, "2026-12-28"),
    ("CH", "2026-12-12 12:00", 14, "2026-12-28"),
]


@pytest.mark.parametrize(("country", "moment", "days", "end"), ENDS)
def test_a_period_ends_with_its_last_working_day(country, moment, days, end):
    zone = CALENDARS[country].zones[-1]
    assert last_day(country, moment, days, zone=zone) == end


def test_the_last_hour_of_the_last_day_counts_and_the_next_one_does_not():
    end = end_of_period(CALENDARS, "DE", paid("2026-11-13 09:00"), 14)
    assert end == datetime(2026, 11, 27, 23, 0, tzinfo=UTC)


def test_days_are_days_where_clocks_change_meanwhile():
    """Two weeks over the change are an hour shorter or longer than 14 times 24 hours."""
    spring = end_of_period(CALENDARS, "DE", paid("2026-03-16 12:00"), 14)
    autumn = end_of_period(CALENDARS, "DE", paid("2026-10-12 12:00"), 14)
    assert spring == datetime(2026, 3, 31, 0, 0, tzinfo=BERLIN)
    assert autumn == datetime(2026, 10, 27, 0, 0, tzinfo=BERLIN)
    assert (spring.astimezone(UTC).hour, autumn.astimezone(UTC).hour) == (22, 23)


def test_a_day_that_ends_at_a_midnight_of_two_counts_to_the_second_one():
    """In Havana clocks go back from one to midnight; in Sao Paulo they jumped over it in 2018."""
    havana, sao_paulo = (
        Calendar(zones=(zone,)) for zone in ("America/Havana", "America/Sao_Paulo")
    )
    end = havana.end_of(paid("2026-10-24 12:00", "America/Havana"), 7)
    assert end >= datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    jumped = sao_paulo.end_of(paid("2018-10-27 12:00", "America/Sao_Paulo"), 7)
    assert jumped > datetime(2018, 11, 5, 1, 59, tzinfo=UTC)


def test_of_several_zones_the_one_where_the_day_ends_last_counts():
    portugal = end_of_period(CALENDARS, "PT", paid("2026-11-11 12:00", "Europe/Lisbon"), 14)
    assert portugal == datetime(2026, 11, 26, 0, 0, tzinfo=ZoneInfo("Atlantic/Azores"))
    brazil = end_of_period(CALENDARS, "BR", paid("2026-11-11 12:00", "America/Sao_Paulo"), 7)
    assert brazil == datetime(2026, 11, 19, 0, 0, tzinfo=ZoneInfo("America/Rio_Branco"))


@pytest.mark.parametrize("country", [None, "ZZ"])
def test_a_country_without_a_calendar_ends_its_days_last_of_all(country):
    end = end_of_period(CALENDARS, country, datetime(2026, 11, 11, 11, 0, tzinfo=UTC), 14)
    assert end == datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@given(
    country=st.sampled_from(sorted(CALENDARS)),
    moment=st.integers(1_704_067_200, 2_082_758_399).map(
        lambda at: datetime.fromtimestamp(at, UTC)
    ),
    days=st.integers(1, 30),
)
def test_no_period_is_shorter_than_its_days_and_none_ends_on_a_day_off(country, moment, days):
    calendar = CALENDARS[country]
    end = calendar.end_of(moment, days)
    for name in calendar.zones:
        local = moment.astimezone(ZoneInfo(name)).date() + timedelta(days=days)
        assert end.astimezone(ZoneInfo(name)).date() > local
    ended = {(end - MINUTE).astimezone(ZoneInfo(name)).date() for name in calendar.zones}
    assert any(calendar.is_working_day(day) for day in ended)
    assert end - moment < timedelta(days=days + 13)


def test_every_country_with_days_has_a_calendar():
    policy = read_policy(Path("seeds/rules.toml"))
    assert {country for each in policy.days.values() for country in each} == set(policy.calendars)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zones": ()},
        {"zones": ("Europe/Atlantis",)},
        {"country": "ZZ"},
        {"country": "IT", "regions": ("Atlantis",)},
        {"country": "DE", "kinds": ("secret",)},
    ],
)
def test_a_calendar_that_cannot_be_is_a_mistake_in_the_file(wrong):
    with pytest.raises((ValueError, KeyError, NotImplementedError)):
        Calendar(**wrong)


def test_a_holiday_that_no_package_knows_is_added_by_its_date():
    """A day of a single year, as the 80th anniversary of a peace."""
    calendar = Calendar("DE", zones=("Europe/Berlin",), more_holidays=(date(2026, 6, 22),))
    end = calendar.end_of(paid("2026-06-08 09:00"), 14)
    assert end == datetime(2026, 6, 24, 0, 0, tzinfo=BERLIN)


def test_holidays_of_other_regions_do_not_count_where_regions_are_chosen():
    """Every Italian town keeps its saint's day: Rome on 29 June, Bolzano on Whit Monday."""
    italy = CALENDARS["IT"]
    assert italy.is_working_day(date(2026, 6, 29))
    assert not italy.is_working_day(date(2026, 5, 25))
    assert not Calendar("IT").is_working_day(date(2026, 6, 29))


def by_hours(country, moment, days):
    """
    Walk from hour to hour in each zone, and count the days that begin.

    The first day that begins after so many whole days, and after a working day, ends the period.
    """
    calendar = CALENDARS[country]
    regions = calendar.regions or country_holidays(country).subdivisions
    kept = [
        country_holidays(country, subdiv=region, categories=calendar.kinds)
        for region in (None, *regions)
    ]
    ends = []
    for zone in map(ZoneInfo, calendar.zones):
        hour, begun = moment.replace(minute=0, second=0, microsecond=0), -1
        today = hour.astimezone(zone).date()
        while True:
            hour += timedelta(hours=1)
            if (day := hour.astimezone(zone).date()) == today:
                continue
            begun, yesterday, today = begun + 1, today, day
            is_free = f"{yesterday:%a}" in ("Sat", "Sun") or any(yesterday in each for each in kept)
            if begun >= days and not is_free:
                break
        ends.append(hour)
    return max(ends)


@pytest.mark.parametrize("country", sorted(CALENDARS))
@settings(max_examples=8)
@given(
    moment=st.sampled_from(["2026-03-14", "2026-10-10", "2026-12-10", "2027-03-12"]).flatmap(
        lambda start: st.integers(0, 16 * 24 * 60).map(
            lambda minutes: (
                datetime.fromisoformat(start).replace(tzinfo=UTC) + timedelta(minutes=minutes)
            )
        )
    ),
    days=st.integers(1, 15),
)
def test_a_period_ends_where_somebody_who_counts_hours_says(country, moment, days):
    """Over both changes of the clocks, over Christmas, and over Easter, in every country."""
    end = end_of_period(CALENDARS, country, moment, days)
    assert end == by_hours(country, moment, days)
