"""What viewers were owed at the end of a day is kept, and which coins may never be used."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from services.wallet.commands.liability import keep_liability
from tests.clients import a_token, client_of
from tests.parts import in_every_part
from tests.wallet.conftest import a_gift_requested, a_purchase_paid

DAY = timedelta(days=1)
FIGURES = ("deferred_minor", "released_minor", "refunded_minor", "disputed_minor")


@pytest.fixture
def today():
    """The day on which the test begins, in UTC; the test lets it end."""
    return datetime.now(UTC).date()


@pytest.fixture
def keep(database, today):
    """Let the job run on the next day."""

    async def run():
        tomorrow = datetime.combine(today + DAY, time(), UTC)
        return await keep_liability(database, now=tomorrow)

    return run


@pytest.fixture
async def finance(app):
    token = a_token("fin", roles=["operator"], scope="finance:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
def liability(finance):
    async def read(**query):
        answer = await finance.get("/v1/operator/wallet/liability", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    return read


async def test_what_was_owed_at_the_end_of_a_day_stays_when_coins_are_used(
    hear, liability, keep, today
):
    await hear(a_purchase_paid(coins=300, amount_minor=299))
    await hear(a_gift_requested(coins=50))
    now = await liability()
    await keep()
    await hear(a_gift_requested(coins=100))
    await keep()

    kept = await liability(as_of=today.isoformat())

    assert kept == now
    assert kept != await liability()
    (line,) = kept
    # 250 of 300 coins for 2.99, of which nothing is tax.
    assert (line["deferred_gross_minor"], line["deferred_minor"]) == (250, 250)


async def test_the_liability_of_one_country_is_told_alone(hear, liability, keep, today):
    for country, coins in (("JP", 100), ("US", 300)):
        await hear(a_purchase_paid(coins=coins, amount_minor=coins, country=country))
    await keep()

    of_japan = await liability(as_of=today.isoformat(), country="JP")
    of_all = await liability(as_of=today.isoformat())

    assert [line["unspent_coins"] for line in of_japan] == [100]
    assert [line["unspent_coins"] for line in of_all] == [400]
    assert of_japan == await liability(country="JP")
    for line in of_all:
        assert sum(line[name] for name in FIGURES) == line["price_minor"] - line["tax_minor"]


async def test_a_day_that_was_not_kept_is_refused_and_never_guessed(hear, finance, keep, today):
    await hear(a_purchase_paid(coins=100))
    await keep()

    for day in (today - DAY, today + DAY):
        asked = {"as_of": day.isoformat()}
        answer = await finance.get("/v1/operator/wallet/liability", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (404, "liability-unknown")


async def test_a_day_is_kept_once_also_by_two_at_once(hear, liability, keep, today):
    await hear(a_purchase_paid(coins=100))

    await asyncio.gather(*(keep() for _ in range(3)))

    assert [line["unspent_coins"] for line in await liability(as_of=today.isoformat())] == [100]


async def test_coins_that_lie_still_are_told_by_their_age_and_their_wallets(
    hear, finance, database
):
    await hear(a_purchase_paid(coins=100), a_purchase_paid(coins=300))
    await hear(a_gift_requested(coins=10))
    await hear(a_purchase_paid(coins=500, viewer="tom"))
    await in_every_part(
        database, "UPDATE lots SET funded_at = funded_at - interval '400 days' WHERE coins = 500"
    )

    found = (await finance.get("/v1/operator/wallet/breakage")).json()["items"]

    said = [(line["age"], line["idle"], line["wallets"], line["unspent_coins"]) for line in found]
    assert said == [("0-30", "0-30", 1, 390), ("over 365", "0-30", 1, 500)]
    assert [(line["lots"], line["untouched"]) for line in found] == [(2, 1), (1, 1)]
