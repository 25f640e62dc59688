"""What a quote was made by is looked at again when it is used."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.payout.domain.fees import FeeRules, PayoutFee
from services.payout.store.limits import read_usage
from shared.postgres.statements import text
from tests.noon import noon_zone
from tests.payout.conftest import RULES, at_rate, finish, quote, request


@pytest.fixture
def rules():
    """No day of the maximum begins while a test runs."""
    return replace(RULES, time_zone=noon_zone())


async def test_a_day_has_a_maximum_however_many_quotes_were_asked_for(lea, rich, database):
    """$1,000 a day. Three quotes first, then three payouts."""
    await rich()
    quotes = [await quote(lea) for _ in range(3)]
    assert [each["amount_minor"] for each in quotes] == [100_000] * 3

    assert (await request(lea, quotes[0])).status_code == 201
    await finish(database)
    refused = await request(lea, quotes[1])

    assert (refused.status_code, refused.json()["code"]) == (422, "daily-maximum")
    assert refused.json()["remaining_minor"] == 0


@pytest.mark.parametrize("state", ["failed", "rejected", "returned"])
async def test_what_came_back_does_not_count_for_the_day(lea, rich, database, state):
    await rich()
    quotes = [await quote(lea) for _ in range(2)]
    await request(lea, quotes[0])
    await finish(database, state)

    assert (await request(lea, quotes[1])).status_code == 201


async def test_a_fee_counts_for_the_day_too(rich, later, database):
    await rich()
    fees = FeeRules(pass_through=True, providers={"sandbox": PayoutFee(0, 100, 100)})
    async with later(fees=fees) as client:
        first, second = await quote(client, diamonds=100_000), await quote(client, diamonds=100_002)
        assert (await request(client, first)).status_code == 201
        await finish(database)
        assert (await request(client, second)).json()["code"] == "daily-maximum"


async def test_a_lower_maximum_or_a_higher_minimum_counts_at_once(lea, rich, later):
    await rich(10_000)
    quoted = await quote(lea)

    async with later(maximum_minor_per_day=1_000) as client:
        assert (await request(client, quoted)).json()["code"] == "daily-maximum"
    async with later(minimum_diamonds=20_000) as client:
        assert (await request(client, quoted)).json()["code"] == "below-minimum"
    async with later(rates=at_rate(RULES, 500, currency="EUR").rates) as client:
        assert (await request(client, quoted)).json()["code"] == "quote-expired"
    assert (await request(lea, quoted)).status_code == 201


async def test_a_quote_that_expired_while_it_waited_is_not_used(lea, rich, database):
    await rich(10_000)
    quoted = await quote(lea)
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE quotes SET expires_at = now()"))

    assert (await request(lea, quoted)).json()["code"] == "quote-expired"


@pytest.mark.parametrize(
    ("zone", "counted"),
    [("UTC", 0), ("America/Los_Angeles", 5_000), ("Pacific/Auckland", 5_000)],
)
async def test_a_day_ends_at_midnight_where_the_operator_says(lea, rich, database, zone, counted):
    """Asked for at half past eleven UTC, and looked at an hour later."""
    await rich(10_000)
    await request(lea, await quote(lea))
    asked = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payouts SET requested_at = :at"), {"at": asked})
        used = await read_usage(tx, "lea", at=asked + timedelta(hours=1), zone=zone)

    assert used.today_minor == counted


@pytest.mark.parametrize("days", ["2026-03-29", "2026-10-25"])
async def test_a_day_of_23_or_25_hours_is_one_day(lea, rich, database, days):
    await rich(10_000)
    await request(lea, await quote(lea))
    midnight = datetime.fromisoformat(f"{days}T00:00:00+01:00")
    if days == "2026-10-25":
        midnight -= timedelta(hours=1)
    for minutes, counts in ((-1, False), (1, True)):
        at = midnight + timedelta(minutes=minutes)
        async with database.part_for("lea").transaction() as tx:
            await tx.execute(text("UPDATE payouts SET requested_at = :at"), {"at": at})
            evening = midnight + timedelta(hours=22)
            used = await read_usage(tx, "lea", at=evening, zone="Europe/Berlin")
        assert bool(used.today_minor) == counts


async def test_a_payout_keeps_the_amount_of_its_quote_whatever_the_rate_becomes(lea, rich, later):
    await rich(10_000)
    quoted = await quote(lea)
    assert quoted["amount_minor"] == 5_000

    async with later(rates=at_rate(RULES, 400).rates) as client:
        assert (await request(client, quoted)).json()["amount_minor"] == 5_000
