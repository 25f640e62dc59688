"""How much a creator may be paid, and that nobody passes a limit by asking twice at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.payout.domain.limits import UNUSED, limits_of, next_day
from services.payout.domain.rate_plans import Rate
from services.payout.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.noon import noon_zone
from tests.payout.conftest import HOLDING, RULES, a_gift_sent, finish, quote, request

WEEK = replace(RULES, maximum_minor_per_7_days=150_000).at(Rate(1, "USD", 500))
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def rules():
    """No day of the maximum begins while a test runs."""
    return replace(RULES, time_zone=noon_zone())


async def move(database, **ago):
    """Let every payout so far have been requested earlier."""
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(
            text("UPDATE payouts SET requested_at = requested_at - CAST(:ago AS interval)"),
            {"ago": timedelta(**ago)},
        )


async def limits(client):
    return (await client.get("/v1/payouts/limits")).json()


async def test_seven_days_have_a_maximum_whatever_each_day_allows(rich, later, database):
    await rich()
    async with later(maximum_minor_per_7_days=150_000) as client:
        quotes = [await quote(client, diamonds=200_000) for _ in range(2)]
        await request(client, quotes[0])
        await finish(database)
        await move(database, days=6)
        refused = await request(client, quotes[1])
        said = await limits(client)
        rest = await quote(client)
        await move(database, days=1)
        allowed = await request(client, quotes[1])

    assert (refused.status_code, refused.json()["code"]) == (422, "weekly-maximum")
    assert refused.json()["remaining_minor"] == 50_000
    assert said["seven_days"]["left"] == 50_000
    assert said["seven_days"]["more_at"] == refused.json()["more_at"]
    assert rest["amount_minor"] == 50_000
    assert allowed.status_code == 201


async def test_two_requests_at_once_cannot_pass_the_limit_of_seven_days(
    rich, later, meanwhile, database
):
    """$600 yesterday, and twice $500: the first is paid while the second waits for the lock."""
    await rich()
    async with later(maximum_minor_per_7_days=150_000) as client:
        yesterday, *quotes = [
            await quote(client, diamonds=diamonds) for diamonds in (120_000, 100_000, 100_000)
        ]
        await request(client, yesterday)
        await finish(database)
        await move(database, days=1)
        first = await request(client, quotes[0])
        async with meanwhile(lambda: request(client, quotes[1])) as (tx, answers):
            await tx.execute(text("SELECT FROM accounts WHERE user_id = 'lea' FOR UPDATE"))
            await tx.execute(text("UPDATE payouts SET state = 'paid'"))

    assert first.status_code == 201
    assert [each.json()["code"] for each in answers] == ["weekly-maximum"]
    assert answers[0].json()["remaining_minor"] == 40_000


async def test_of_ten_stacked_quotes_at_once_one_is_paid(rich, later, database):
    await rich()
    async with later(maximum_minor_per_7_days=150_000) as client:
        quotes = [await quote(client) for _ in range(10)]
        said = await asyncio.gather(*(request(client, each) for each in quotes))

    codes = sorted(each.json().get("code", "none") for each in said)
    assert codes == ["none"] + ["payout-open"] * 9
    async with database.transaction() as tx:
        total = await tx.execute(text("SELECT sum(value_minor)::bigint FROM payouts"))
        assert total.scalar_one() == 100_000


async def test_a_creator_asks_so_many_times_a_day(lea, rich, database):
    await rich()
    for _ in range(RULES.requests_per_day_max):
        assert (await request(lea, await quote(lea, diamonds=2_000))).status_code == 201
        await finish(database, "failed")
    refused = await request(lea, await quote(lea, diamonds=2_000))

    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-payouts")
    await move(database, days=1)
    assert (await request(lea, await quote(lea, diamonds=2_000))).status_code == 201


async def test_what_a_person_rejected_is_no_request_of_the_day(lea, rich, database):
    await rich()
    for _ in range(RULES.requests_per_day_max + 1):
        assert (await request(lea, await quote(lea, diamonds=2_000))).status_code == 201
        await finish(database, "rejected")


async def test_the_limits_say_what_is_left_and_what_stands_in_the_way(lea, hear):
    await hear(a_gift_sent(1_500))

    said = await limits(lea)

    assert said["minimum"] == {"diamonds": 2_000, "missing_diamonds": 500}
    assert [each["code"] for each in said["obstacles"]] == ["payee-missing", "below-minimum"]
    assert said["day"]["left"] == 100_000
    assert said["seven_days"] == {"total": 500_000, "used": 0, "left": 500_000, "more_at": None}
    assert said["requests_today"]["left"] == 5
    assert said["payable_minor"] == 750
    assert "EUR" in said["currencies"]


async def test_the_limits_say_which_diamonds_wait_until_when_and_why(database, provider, hear):
    app = build_http(database, a_verifier(), {"sandbox": provider}, HOLDING)
    sent = a_gift_sent(3_000)
    await hear(sent)
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(
            text("UPDATE earnings SET matured = false, matures_at = now() + interval '3 days'")
        )
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        (waiting,) = (await limits(client))["pending"]

    assert waiting["diamonds"] == 3_000
    assert waiting["reason"] == "standard"
    in_three_days = datetime.now(UTC) + timedelta(days=3)
    assert datetime.fromisoformat(waiting["unlocks_at"]) >= in_three_days - timedelta(minutes=1)


@pytest.mark.parametrize("change", ["open", "used", "resting"])
async def test_each_obstacle_is_the_refusal_of_a_request(lea, rich, database, change):
    """What the limits say and what a request is answered are the same code."""
    await rich()
    quotes = [await quote(lea, diamonds=200_000) for _ in range(2)]
    if change == "resting":
        async with database.part_for("lea").transaction() as tx:
            await tx.execute(text("UPDATE payees SET usable_at = now() + interval '1 day'"))
    else:
        await request(lea, quotes[0])
    if change == "used":
        await finish(database)

    (obstacle, *_) = (await limits(lea))["obstacles"]
    refused = (await request(lea, quotes[1])).json()

    assert obstacle["code"] == refused["code"]
    assert obstacle["words"] == refused["title"]
    assert obstacle["until"] == refused.get("more_at", refused.get("usable_at"))


async def test_the_limits_say_why_a_person_would_look(lea, rich):
    await rich()

    (reason,) = (await limits(lea))["review"]

    assert reason["code"] == "large-amount"
    assert reason["words"]


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-03-28T12:00:00+00:00", "UTC", "2026-03-29T00:00:00+00:00"),
        # The night before a day of 23 hours, and the day itself.
        ("2026-03-28T23:30:00+00:00", "Europe/Berlin", "2026-03-29T22:00:00+00:00"),
        ("2026-10-25T10:00:00+00:00", "Europe/Berlin", "2026-10-25T23:00:00+00:00"),
        ("2026-07-01T06:00:00+00:00", "America/Los_Angeles", "2026-07-01T07:00:00+00:00"),
    ],
)
def test_the_next_day_begins_at_midnight_where_the_operator_says(now, zone, expected):
    begins = next_day(datetime.fromisoformat(now), zone)

    assert begins.astimezone(UTC) == datetime.fromisoformat(expected)


def test_the_limit_that_leaves_least_is_the_one_that_is_named():
    used = replace(UNUSED, today_minor=40_000, in_7_days_minor=140_000, oldest_at=NOON)
    left = limits_of(used, now=NOON + timedelta(days=1), rules=WEEK)

    assert left.left_minor == 10_000
    assert left.used_up().facts["more_at"] == NOON + timedelta(days=7)


async def test_what_stands_in_the_way_is_about_the_currency_that_one_asks_for(rich, lea):
    await rich()

    usual = await limits(lea)
    euros = (await lea.get("/v1/payouts/limits", params={"currency": "EUR"})).json()
    refused = await lea.get("/v1/payouts/limits", params={"currency": "CHF"})

    assert (usual["arrives_in"], usual["obstacles"]) == ("USD", [])
    assert euros["arrives_in"] == "EUR"
    assert [each["code"] for each in euros["obstacles"]] == ["payee-missing"]
    assert {"USD", "EUR"} <= set(euros["currencies"])
    assert refused.json()["code"] == "no-exchange-rate"
