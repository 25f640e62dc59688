"""Coins that are bought and given are summed up by the hour: once when it is closed, and kept."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from deploy.config.databases import run_sql
from services.wallet.commands import flow as commands
from services.wallet.commands.flow import keep_flow
from tests.clients import a_token, client_of
from tests.parts import schemas_of_users
from tests.wallet.conftest import a_gift_requested, a_purchase_paid

HOUR = timedelta(hours=1)
# An hour is closed ten minutes after its end.
LATER = timedelta(hours=1, minutes=10)


@pytest.fixture
def now():
    """The moment of the test: half past an hour, so that no hour ends while it runs."""
    return datetime.now(UTC).replace(minute=30, second=0, microsecond=0)


@pytest.fixture
def tamper(database, postgres):
    """Change entries, which no service may."""

    def change(what):
        for schema in schemas_of_users(database):
            run_sql(postgres.dsn(database.name), [f"UPDATE {schema}.entries SET {what}"])

    return change


@pytest.fixture
def at(tamper):
    """Let all entries that came since the last time be recorded at a moment."""

    async def move(moment):
        tamper(f"recorded_at = '{moment.isoformat()}' WHERE recorded_at <> '{moment.isoformat()}'")

    return move


@pytest.fixture
def keep(database):
    async def run(now):
        while await keep_flow(database, now=now):
            pass

    return run


@pytest.fixture
def flow(database):
    async def read(now, hours=24):
        found = await commands.read_flow(database, now=now, hours=hours)
        return [(each.hour, each.bought_coins, each.given_coins, closed) for each, closed in found]

    return read


async def test_an_hour_has_what_was_bought_and_what_was_given_in_it(hear, at, keep, flow, now):
    hour = now.replace(minute=0)
    await hear(a_purchase_paid(coins=300), a_purchase_paid(coins=500, viewer="tom"))
    await hear(a_gift_requested(coins=50), a_gift_requested(coins=7))
    await at(now)
    await keep(now + LATER)

    found = await flow(now + LATER)

    assert found[-2:] == [(hour, 800, 57, True), (hour + HOUR, 0, 0, False)]
    assert {tuple(sums) for _, *sums in found[:-2]} == {(0, 0, True)}
    assert [moment for moment, *_ in found] == [hour + HOUR * back for back in range(-22, 2)]


async def test_a_refused_gift_and_a_correction_are_no_flow(hear, at, tamper, keep, flow, now):
    await hear(a_purchase_paid(coins=10))
    await hear(a_gift_requested(coins=50))
    await at(now)
    tamper("kind = 'adjustment' WHERE kind = 'credit'")
    await keep(now + LATER)

    assert {tuple(sums) for _, *sums in await flow(now + LATER)} == {(0, 0, True), (0, 0, False)}


async def test_an_hour_that_is_kept_is_not_summed_up_again(hear, at, keep, flow, now):
    await hear(a_purchase_paid(coins=300))
    await at(now)
    await asyncio.gather(*(keep(now + LATER) for _ in range(3)))
    kept = await flow(now + LATER)
    # It cannot be: an entry of a closed hour. So only sums that were kept do not know of it.
    await hear(a_purchase_paid(coins=500))
    await at(now)
    await keep(now + LATER)

    assert await flow(now + LATER) == kept


async def test_open_hours_are_told_as_they_stand(hear, at, flow, now):
    await hear(a_purchase_paid(coins=300))
    await hear(a_gift_requested(coins=50))
    await at(now)

    assert await flow(now) == [(now.replace(minute=0), 300, 50, False)]
    # The hour before is open for ten minutes, too.
    assert [hour for hour, *_ in await flow(now + timedelta(minutes=35))] == [
        now.replace(minute=0),
        now.replace(minute=0) + HOUR,
    ]


async def test_open_hours_in_which_much_moves_wait_until_they_are_closed(
    hear, at, keep, flow, now, monkeypatch
):
    monkeypatch.setattr(commands, "OPEN_ENTRIES_MAX", 2)
    await hear(a_purchase_paid(coins=300))
    await hear(a_gift_requested(coins=50))
    await at(now)

    assert await flow(now) == []
    await keep(now + LATER)
    assert (now.replace(minute=0), 300, 50, True) in await flow(now + LATER)


async def test_the_service_may_have_been_away_for_hours(hear, at, keep, flow, now):
    await hear(a_purchase_paid(coins=300))
    await at(now)
    await keep(now + 30 * HOUR)

    found = await flow(now + 30 * HOUR, hours=48)

    assert [sums for sums in found if sums[1]] == [(now.replace(minute=0), 300, 0, True)]


async def test_operators_with_the_scope_read_it_and_others_do_not(app, hear):
    await hear(a_purchase_paid(coins=300))
    reader = a_token("ops", roles=["operator"], scope="books:read")
    async with client_of(app, reader) as client:
        answer = await client.get("/v1/operator/wallet/flow", params={"hours": 2})
        wrong = await client.get("/v1/operator/wallet/flow", params={"hours": 49})
    async with client_of(app, a_token("fin", roles=["operator"], scope="finance:read")) as client:
        refused = await client.get("/v1/operator/wallet/flow")

    assert answer.json()["hours"][-1].keys() == {
        "begins_at",
        "bought_coins",
        "given_coins",
        "closed",
    }
    assert sum(each["bought_coins"] for each in answer.json()["hours"]) == 300
    assert (wrong.status_code, refused.status_code) == (422, 403)
