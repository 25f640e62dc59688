"""Finance reads what creators are owed as of any day, who lies still, and what falls due."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deploy.config.databases import run_sql
from services.payout import consumers
from services.payout.commands.finance import read_forecast
from services.payout.domain.finance import GRACE, DayOpen, end_of
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.parts import schema_for
from tests.payout.books import close_months
from tests.payout.conftest import HOLDING, PAYEE, a_gift_sent
from tests.payout.entries import entries_of, replayed

DAY = timedelta(days=1)


@pytest.fixture
def now():
    """When the test begins."""
    return datetime.now(UTC)


@pytest.fixture
def today(now):
    """The day on which the test begins, in UTC; it may end on the next."""
    return now.date()


@pytest.fixture
async def finance(lea):
    token = a_token("fin", roles=["operator"], scope="finance:read dormant:read audit:read")
    async with client_of(lea.app, token) as client:
        yield client


@pytest.fixture
def days_ago(database, postgres):
    """Let what is newer than the last time have been recorded so many days ago."""
    done = {"creator": 0}

    def move(days, creator="lea"):
        known = done.get(creator, 0)
        statement = f"""
            UPDATE {schema_for(database, creator)}.entries
            SET recorded_at = recorded_at - interval '{days} days'
            WHERE user_id = '{creator}' AND number > {known}
        """
        run_sql(postgres.dsn(database.name), [statement])

    async def record(days, creator="lea"):
        move(days, creator)
        done[creator] = max(entry["number"] for entry in await entries_of(database, creator))

    return record


@pytest.fixture
def cash_out_from(lea, hear):
    """Earn 3,000 diamonds and ask for all of them, as a creator of a country."""

    async def ask(creator, country):
        await hear(a_gift_sent(3_000, creator=creator))
        token = a_token(creator, roles=["creator"], country=country)
        async with client_of(lea.app, token) as client:
            await client.put(PAYEE, json={"destination": "acct_ok_1"})
            quote = (await client.post("/v1/payouts/quotes", json={"diamonds": 2_000})).json()
            asked = {"quote": quote["quote"]}
            headers = {"Idempotency-Key": f"key-{creator}"}
            assert (await client.post("/v1/payouts", json=asked, headers=headers)).is_success

    return ask


async def owed(finance, day, **query):
    asked = {"as_of": day.isoformat(), **query}
    answer = await finance.get("/v1/operator/finance/payable", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def by_asset(lines):
    sums = {}
    for line in lines:
        sums[line["asset"]] = sums.get(line["asset"], 0) + line["amount"]
    return sums


async def test_what_is_owed_as_of_a_day_is_what_the_entries_up_to_it_come_to(
    finance, hear, days_ago, database, now, today
):
    # One is of the last day of a month, which is closed. The newest day that can be read is over
    # for longer than clocks differ.
    month_end = (today - 3 * DAY).replace(day=1) - DAY
    since_month_end = (today - month_end).days
    story = {100: 1_000, 70: 301, 40: 33, 39: 700, 3: 5, since_month_end: 77}
    for days, coins in sorted(story.items(), reverse=True):
        await hear(a_gift_sent(coins))
        await days_ago(days)
    entries = await entries_of(database)

    for close in (False, True):
        if close:
            await close_months(database, now=now)
        for days in (101, 100, 71, 70, 40, 39, 38, since_month_end + 1, since_month_end, 4, 3, 2):
            day = today - days * DAY
            known = [entry for entry in entries if entry["recorded_at"].date() <= day]
            assert by_asset(await owed(finance, day)) == replayed(known), (days, close)


async def test_a_day_ends_at_midnight_where_one_asks_for_it(finance, hear, days_ago, database):
    await hear(a_gift_sent(1_000))
    await days_ago(5)
    (entry,) = await entries_of(database)
    for zone, hours in (("Asia/Tokyo", 9), ("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12)):
        local = (entry["recorded_at"] + timedelta(hours=hours)).date()

        before = await owed(finance, local - DAY, time_zone=zone)
        after = await owed(finance, local, time_zone=zone)

        assert (by_asset(before), by_asset(after)) == ({}, {"diamonds": 1_000, "USD": 500})


async def test_what_is_owed_is_told_by_country(finance, cash_out_from, days_ago, hear, today):
    await cash_out_from("lea", "JP")
    await cash_out_from("tom", "US")
    await hear(a_gift_sent(100, creator="ann"))
    for creator in ("lea", "tom", "ann"):
        await days_ago(3, creator)

    found = await owed(finance, today - 2 * DAY)
    of_japan = await owed(finance, today - 2 * DAY, country="JP")

    money = {line["country"]: line["amount"] for line in found if line["asset"] == "USD"}
    # A payout that is on its way is owed until it is paid.
    assert money == {"JP": 1_500, "US": 1_500, None: 50}
    assert {line["country"] for line in of_japan} == {"JP"}
    assert {line["creators"] for line in of_japan} == {1}


async def test_a_day_that_is_not_over_is_not_told_yet(finance, today):
    for day in (today + DAY, date.max):
        asked = {"as_of": day.isoformat()}
        answer = await finance.get("/v1/operator/finance/payable", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "day-open")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_day_is_over_once_clocks_cannot_disagree_about_it(zone):
    day = date(2026, 12, 31)
    end = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone))

    for now in (end - timedelta(seconds=1), end, end + GRACE - timedelta(seconds=1)):
        with pytest.raises(DayOpen):
            end_of(day, zone, now)
    assert end_of(day, zone, end + GRACE) == end


@pytest.mark.parametrize(
    "zone", ["Nowhere/Else", "../../etc/passwd", "UTC\n", "", "/etc/localtime"]
)
async def test_a_zone_that_there_is_not_is_refused(finance, zone):
    asked = {"as_of": "2026-01-01", "time_zone": zone}

    answer = await finance.get("/v1/operator/finance/payable", params=asked)

    assert answer.status_code == 422


async def dormant(finance, **query):
    """Read all pages: one part follows another."""
    items, cursor = [], {}
    while cursor is not None:
        answer = await finance.get("/v1/operator/finance/dormant", params={**query, **cursor})
        page = answer.json()
        items += page["items"]
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
    return items


async def test_whose_diamonds_lie_still_is_found_and_reading_it_is_on_record(
    finance, hear, days_ago
):
    await hear(*(a_gift_sent(10, creator=creator) for creator in ("ann", "bea", "cleo")))
    await days_ago(400, "ann")
    await days_ago(400, "bea")
    await hear(a_gift_sent(1, creator="bea"))

    (found,) = await dormant(finance)

    assert (found["creator"], found["diamonds"], found["owed_minor"]) == ("ann", 10, 5)
    assert await dormant(finance, days=401) == []
    log = await finance.get("/v1/operator/payout/audit", params={"reads": True})
    assert any("dormant" in line["reason"] for line in log.json()["items"])


async def test_what_falls_due_is_told_by_day(hear, database, now, today):
    """Available now, and what matures: each day in its own line, and all of it together."""
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)

    async def hold(coins, days):
        await consumer.receive([a_delivery(a_gift_sent(coins), at=now - days * DAY)])

    await hear(a_gift_sent(1_001))
    await hold(300, 4)
    await hold(200, 4)
    await hold(50, 0)

    first, second = await read_forecast(database, days=11, zone="UTC", now=now)

    assert (first.day, first.diamonds, first.due_minor) == (today, 1_001, 501)
    assert (second.day, second.diamonds) == (today + 10 * DAY, 500)
    assert (second.due_minor, second.cumulative_minor) == (250, 751)
    later = await read_forecast(database, days=20, zone="UTC", now=now)
    assert [line.diamonds for line in later] == [1_001, 500, 50]


async def test_what_automatic_payouts_ask_for_is_told_on_their_day(finance, hear, lea, database):
    await hear(a_gift_sent(2_000), a_gift_sent(1_000, creator="ann"))
    chosen = await lea.put("/v1/payouts/schedule", json={"kind": "above", "threshold_diamonds": 9})
    assert chosen.is_success, chosen.text

    requested_at = datetime.fromisoformat(chosen.json()["next_at"])

    first, second = await read_forecast(
        database, days=2, zone="UTC", now=requested_at - timedelta(seconds=1)
    )

    assert (first.day, first.due_minor) == (requested_at.date() - DAY, 1_500)
    assert (second.day, second.due_minor) == (requested_at.date(), 0)
    assert (first.automatic_minor, second.automatic_minor) == (0, 1_000)
    assert second.cumulative_minor == 1_500
    (line,) = (await finance.get("/v1/operator/finance/forecast?days=1")).json()["items"]
    assert (line["due_minor"], line["automatic_minor"]) == (1_500, 0)


async def test_accountants_alone_read_it(lea):
    for path in ("payable?as_of=2026-01-01", "dormant", "forecast"):
        answer = await lea.get(f"/v1/operator/finance/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
