"""What a creator asks of payout is kept for ever: it has a number it stops at."""

from dataclasses import replace

import pytest

from services.payout.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.payout.conftest import RULES, a_gift_sent
from tests.quotas import at_once, end_times, is_too_often, leave

PAYEE = "/v1/payouts/payees/USD"


@pytest.fixture
async def lea(database, provider, hear):
    await hear(a_gift_sent(10_000))
    rules = replace(RULES, payee_rest_hours=0)
    app = build_http(database, a_verifier(), {"sandbox": provider}, rules)
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        yield client


async def count(database, table):
    async with database.transaction() as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


def quote(creator, diamonds=2_000):
    return creator.post("/v1/payouts/quotes", json={"diamonds": diamonds})


def name(creator, destination):
    return creator.put(PAYEE, json={"destination": destination})


async def test_a_creator_has_so_many_quotes_an_hour_also_at_once(lea, database):
    await name(lea, "acct_ok_lea")
    await leave(database, "lea", RULES.quotes, 2)

    said = await at_once(*(quote(lea) for _ in range(5)))

    assert said == [(201, None)] * 2 + [(429, "too-often")] * 3
    assert is_too_often(await quote(lea), RULES.quotes)
    assert await count(database, "quotes") == 2
    await end_times(database)
    assert (await quote(lea)).status_code == 201


async def test_a_quote_that_is_refused_takes_none_of_them(lea, database):
    await name(lea, "acct_ok_lea")
    assert (await quote(lea, diamonds=9_000_000)).status_code == 409
    async with database.transaction() as tx:
        acts = await tx.execute(text("SELECT act FROM quotas"))
    assert [row.act for row in acts] == ["payee-changes"]


async def test_an_account_is_replaced_so_many_times_a_day_also_at_once(lea, database):
    await name(lea, "acct_ok_lea")
    await leave(database, "lea", RULES.payee_changes, 1)

    said = await at_once(name(lea, "acct_ok_one"), name(lea, "acct_ok_two"))

    assert said == [(200, None), (429, "too-often")]
    assert is_too_often(await name(lea, "acct_ok_three"), RULES.payee_changes)
    assert len(await announced(database, "payout.payee_changed")) == 1
    now = (await lea.get("/v1/payouts/payees")).json()["items"][0]["destination"]
    # The account that is there already is no other one.
    same = "acct_ok_one" if now.endswith("_one") else "acct_ok_two"
    assert (await name(lea, same)).status_code == 200
