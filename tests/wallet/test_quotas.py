"""What viewers wish for themselves is kept for ever: it has a number it stops at."""

import pytest

from services.wallet.domain.quotas import EXCLUSIONS, LIMIT_RAISES, LIMIT_REDUCTIONS
from shared.postgres.statements import text
from tests.clients import a_token, an_operator_token, client_of
from tests.deliveries import announced
from tests.quotas import at_once, end_times, is_too_often, leave


@pytest.fixture
async def mira(app):
    async with client_of(app, a_token("mira")) as client:
        yield client


def limit(client, amount, user="me"):
    path = f"/v1/wallets/{user}/limits/day"
    return client.put(path, json={"unit": "coins", "amount": amount})


def exclude(client, key, days=1):
    headers = {"Idempotency-Key": key}
    return client.post("/v1/wallets/me/exclusions", json={"days": days}, headers=headers)


async def count(database, table):
    async with database.transaction() as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_limits_are_raised_so_many_times_a_day_and_still_lowered(mira, database):
    await limit(mira, 100)
    await leave(database, "mira", LIMIT_RAISES, 1)

    assert await at_once(limit(mira, 200), limit(mira, 300)) == [(200, None), (429, "too-often")]
    assert is_too_often(await limit(mira, 400), LIMIT_RAISES)
    assert is_too_often(await limit(mira, None), LIMIT_RAISES)
    lowered = (await limit(mira, 50)).json()["limits"]
    assert 50 in [each["amount"] for each in lowered]


async def test_limits_are_lowered_so_many_times_a_day(mira, database):
    await leave(database, "mira", LIMIT_REDUCTIONS, 1)

    assert await at_once(limit(mira, 90), limit(mira, 80)) == [(200, None), (429, "too-often")]
    assert is_too_often(await limit(mira, 7), LIMIT_REDUCTIONS)
    await end_times(database)
    assert (await limit(mira, 7)).status_code == 200


async def test_the_same_limit_again_is_no_other_wish(mira, database):
    for _ in range(5):
        await limit(mira, 100)
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT used FROM quotas"))).scalar_one() == 1


async def test_an_operator_is_not_counted(app, mira, database):
    await limit(mira, 100)
    await leave(database, "mira", LIMIT_REDUCTIONS, 0)
    async with client_of(app, an_operator_token("limits:write")) as ops:
        path = "/v1/operator/wallets/mira/limits/day"
        body = {"unit": "coins", "amount": 5, "reason": "asked by mail"}
        assert (await ops.put(path, json=body)).status_code == 200


async def test_a_viewer_excludes_themselves_so_many_times_a_day(mira, database):
    first = (await exclude(mira, "first")).json()
    await leave(database, "mira", EXCLUSIONS, 1)

    assert await at_once(exclude(mira, "a", 7), exclude(mira, "b", 7)) == [
        (201, None),
        (429, "too-often"),
    ]
    assert is_too_often(await exclude(mira, "c"), EXCLUSIONS)
    assert (await exclude(mira, "first")).json() == first
    assert len(await announced(database, "wallet.exclusion_started")) == 2
    # Who is refused has excluded themselves often enough to be excluded.
    assert (await mira.get("/v1/wallets/me/limits")).json()["excluded_until"] is not None
