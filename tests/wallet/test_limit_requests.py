"""
Whatever was wished of a limit, and when: it is never more than the smallest wish of the last day.

The model below is that sentence, and knows nothing of how wishes are kept.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.commands import limits as limiting
from services.wallet.domain.limits import (
    LimitRequest,
    Period,
    counts_from,
    limit_at,
    next_change,
    starts_on,
)
from services.wallet.main import read_rules
from services.wallet.store import limits as limit_store
from tests.wallet.conftest import RULES_FILE

RULES = read_rules(RULES_FILE)
DAY = timedelta(hours=24)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOTHING = 10**12
# Hours between two wishes, and what is wished: few values, so that all of them meet.
WISHES = st.lists(
    st.tuples(st.sampled_from([0, 1, 12, 23, 24, 25]), st.sampled_from([None, 0, 1, 2, 3])),
    max_size=8,
)


def allowed(wished, moment):
    """The smallest of what stood wished at any time of the day before a moment."""
    before = [amount for at, amount in wished if at <= moment - DAY]
    since = [amount for at, amount in wished if moment - DAY < at <= moment]
    state = [*(before[-1:] or [None]), *since]
    smallest = min(NOTHING if amount is None else amount for amount in state)
    return None if smallest == NOTHING else smallest


def history(steps):
    """When what was wished: (hours since the last wish, amount) as moments."""
    at, wished = MONDAY, []
    for hours, amount in steps:
        at += timedelta(hours=hours)
        wished.append((at, amount))
    return wished


def kept(wished):
    """The same wishes as they are kept, one after another."""
    wishes = []
    for at, amount in wished:
        if wishes and wishes[-1].amount == amount:
            continue
        from_at = counts_from(limit_at(wishes, at), amount, now=at, delay=DAY)
        wishes.append(LimitRequest(amount, from_at))
    return wishes


def looks(wished):
    """The moments at which anything could change, and those beside them."""
    times = [at + shift for at, _ in wished for shift in (timedelta(), DAY)]
    return sorted({at + timedelta(seconds=beside) for at in times for beside in (-1, 0, 1)})


@given(WISHES)
def test_a_limit_is_never_more_than_the_smallest_wish_of_the_last_day(steps):
    wished = history(steps)

    for moment in looks(wished):
        known = kept([wish for wish in wished if wish[0] <= moment])
        assert limit_at(known, moment) == allowed([w for w in wished if w[0] <= moment], moment)


@given(WISHES)
def test_what_a_limit_becomes_next_is_what_it_becomes(steps):
    wished = history(steps)
    if not wished:
        return
    now = wished[-1][0]
    wishes = kept(wished)

    coming = next_change(wishes, now)

    changes = [
        at for at in looks(wished) if at > now and allowed(wished, at) != allowed(wished, now)
    ]
    if coming is None:
        assert changes == []
    else:
        assert (coming[0], coming[1]) == (changes[0], allowed(wished, changes[0]))


async def test_wishes_are_read_from_the_tables_as_the_model_has_them(database):
    """Two hundred viewers with a few wishes each, in one database, looked at together."""
    choose = Random(11)
    stories = {
        f"viewer-{number}": history(
            [
                (choose.choice([0, 1, 12, 23, 24, 25]), choose.choice([None, 0, 1, 2, 3]))
                for _ in range(choose.randint(1, 6))
            ]
        )
        for number in range(200)
    }
    for user, wished in stories.items():
        async with database.part_for(user).transaction() as tx:
            for wish in kept(wished):
                await limit_store.add_request(tx, user, (Period.DAY.value, "coins", "user"), wish)

    for hours in (0, 1, 24, 25, 36, 48, 49, 72, 200):
        moment = MONDAY + timedelta(hours=hours)
        done = {user for user, wished in stories.items() if wished[-1][0] <= moment}
        async with database.transaction() as tx:
            budgets = await limit_store.budgets(
                tx, done, RULES, today=RULES.day_of(moment), now=moment
            )
        own = {
            user: [limit.amount for limit in budget.limits if limit.set_by == "user"]
            for user, budget in budgets.items()
        }
        expected = {user: allowed(stories[user], moment) for user in done}
        assert own == {
            user: [] if amount is None else [amount] for user, amount in expected.items()
        }


async def test_a_smaller_wish_replaces_the_raise_that_waits(database):
    """Limit 100; wish 1,000, which counts in an hour; then rather 500, which counts in a day."""

    async def wish(amount, *, waits_hours=24):
        async with database.part_for("mira").transaction() as tx:
            about = replace(RULES, raise_after_hours=waits_hours)
            await limiting.set_limit(
                tx, "mira", period=Period.DAY, unit="coins", amount=amount, rules=about
            )

    await wish(100)
    await wish(1_000, waits_hours=1)
    await wish(500)

    seen = {}
    for hours in (0, 2, 12, 23, 25):
        async with database.part_for("mira").transaction() as tx:
            later = datetime.now(UTC) + timedelta(hours=hours)
            states = await limiting.read_limits(tx, "mira", RULES, now=later)
        (seen[hours],) = [
            (each.amount, each.next_amount) for each in states if each.set_by == "user"
        ]
    assert seen == {
        0: (100, 500),
        2: (500, None),
        12: (500, None),
        23: (500, None),
        25: (500, None),
    }


async def test_a_raise_waits_24_hours_across_a_change_of_the_clock():
    """In Berlin the night of 28 March 2027 has 23 hours, and that of 31 October has 25."""
    zone = ZoneInfo("Europe/Berlin")
    for day in (datetime(2027, 3, 27, 20, tzinfo=zone), datetime(2027, 10, 30, 20, tzinfo=zone)):
        asked = day.astimezone(UTC)
        from_at = counts_from(100, 200, now=asked, delay=timedelta(hours=RULES.raise_after_hours))
        assert from_at - asked == timedelta(hours=24)
        wishes = [LimitRequest(100, asked - DAY), LimitRequest(200, from_at)]
        assert limit_at(wishes, from_at - timedelta(microseconds=1)) == 100
        assert limit_at(wishes, from_at) == 200


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2028-02-29T23:59:59.999999+00:00", date(2028, 2, 29)),
        ("UTC", "2028-03-01T00:00:00+00:00", date(2028, 3, 1)),
        # The short night: 01:59 is followed by 03:00, and midnight is at 22:00 UTC that evening.
        ("Europe/Berlin", "2027-03-27T22:59:59+00:00", date(2027, 3, 27)),
        ("Europe/Berlin", "2027-03-27T23:00:00+00:00", date(2027, 3, 28)),
        ("Europe/Berlin", "2027-03-28T21:59:59+00:00", date(2027, 3, 28)),
        ("Europe/Berlin", "2027-03-28T22:00:00+00:00", date(2027, 3, 29)),
        # The long one.
        ("Europe/Berlin", "2027-10-30T22:00:00+00:00", date(2027, 10, 31)),
        ("Europe/Berlin", "2027-10-31T22:59:59+00:00", date(2027, 10, 31)),
        ("Europe/Berlin", "2027-10-31T23:00:00+00:00", date(2027, 11, 1)),
        # Midnight itself is left out where clocks change at midnight.
        ("America/Santiago", "2027-09-05T03:59:59+00:00", date(2027, 9, 4)),
        ("America/Santiago", "2027-09-05T04:00:00+00:00", date(2027, 9, 5)),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00+00:00", date(2027, 1, 1)),
    ],
)
def test_a_day_is_that_of_the_operators_clock(zone, moment, day):
    assert replace(RULES, time_zone=ZoneInfo(zone)).day_of(datetime.fromisoformat(moment)) == day


@pytest.mark.parametrize(
    ("today", "week", "month"),
    [
        (date(2028, 2, 29), date(2028, 2, 28), date(2028, 2, 1)),
        (date(2028, 3, 1), date(2028, 2, 28), date(2028, 3, 1)),
        (date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 1)),
        (date(2026, 12, 31), date(2026, 12, 28), date(2026, 12, 1)),
        (date(2027, 1, 31), date(2027, 1, 25), date(2027, 1, 1)),
    ],
)
def test_windows_begin_where_the_calendar_says(today, week, month):
    begin = {period: starts_on(period, today) for period in Period}

    assert begin == {
        Period.GIFT: today,
        Period.DAY: today,
        Period.WEEK: week,
        Period.MONTH: month,
    }
