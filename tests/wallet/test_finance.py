"""Finance reads what is owed, earned and lost, to the cent."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.backoffice.trial_balance import HourOpen, closed_hour
from shared.contracts.purchase import PurchaseDisputed
from shared.ledger.hours import CLOSED_AFTER
from shared.postgres.parts import schema_of
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.parts import in_every_part
from tests.wallet.conftest import a_gift_requested, a_purchase_paid


@pytest.fixture
async def finance(app):
    token = a_token("fin", roles=["operator"], scope="finance:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
def hours_later(database, postgres):
    """Let what was posted be of an hour that is closed."""

    async def pass_by():
        from deploy.config.databases import run_sql  # noqa: PLC0415

        for part in database.parts:
            schema = "public" if part.number is None else schema_of(part.number)
            older = f"UPDATE {schema}.entries SET recorded_at = recorded_at - interval '2 hours'"
            run_sql(postgres.dsn(database.name), [older])

    return pass_by


async def test_a_trial_balance_of_a_closed_hour_sums_to_zero(finance, hear, hours_later):
    await hear(a_purchase_paid(coins=100))
    await hear(a_gift_requested(coins=30))
    await hours_later()

    books = (await finance.get("/v1/operator/wallet/trial-balance")).json()

    assert books["balanced"] is True
    balances = {line["account"]: line["balance"] for line in books["accounts"]}
    assert balances == {"@issued": -100, "@spent": 30, "main": 70}


async def test_an_hour_that_is_open_is_not_told_yet(finance, hear):
    await hear(a_purchase_paid(coins=100))
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    now = await finance.get("/v1/operator/wallet/trial-balance")
    asked = {"until": (this_hour + timedelta(hours=2)).isoformat()}
    later = await finance.get("/v1/operator/wallet/trial-balance", params=asked)

    assert now.json()["accounts"] == []
    assert (later.status_code, later.json()["code"]) == (422, "hour-open")


def test_an_hour_is_closed_once_its_last_entries_are_committed():
    """They have the time at which they began; what was read for finance never changes."""
    end, before = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)
    open_until = end + CLOSED_AFTER - timedelta(seconds=1)

    for now in (end, open_until):
        assert closed_hour(None, now=now) == before
        with pytest.raises(HourOpen):
            closed_hour(end, now=now)
    for until in (None, end):
        assert closed_hour(until, now=end + CLOSED_AFTER) == end
    with pytest.raises(HourOpen):
        closed_hour(before + timedelta(minutes=30), now=end + timedelta(days=1))


async def test_a_spreadsheet_gets_the_same(finance, hear, hours_later):
    await hear(a_purchase_paid(coins=100))
    await hours_later()

    answer = await finance.get("/v1/operator/wallet/trial-balance", params={"format": "csv"})

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == [
        "account,unit,debit,credit,balance",
        "'@issued,coins,0,100,-100",
        "main,coins,100,0,100",
    ]


async def test_what_is_deferred_released_and_lost_adds_up_to_every_price(finance, hear, database):
    first, second = a_purchase_paid(coins=300, amount_minor=299), a_purchase_paid(coins=100)
    await hear(first)
    await hear(*(a_gift_requested(coins=7) for _ in range(20)))
    await hear(
        PurchaseDisputed(
            purchase=first.purchase,
            viewer="mira",
            dispute="dp",
            revision=1,
            amount_minor=100,
            currency="USD",
            reason="fraudulent",
        )
    )
    await hear(second)
    await in_every_part(
        database, "UPDATE lots SET funded_at = funded_at - interval '40 days' WHERE coins = 100"
    )

    items = (await finance.get("/v1/operator/wallet/liability")).json()["items"]

    assert [(line["age"], line["price_minor"]) for line in items] == [("0-30", 299), ("31-90", 99)]
    for line in items:
        parts = ("deferred", "released", "refunded", "disputed")
        assert sum(line[f"{part}_minor"] for part in parts) == line["price_minor"]
    assert items[0]["released_minor"] == 299 * 140 // 300


async def test_the_tax_of_a_sale_is_neither_owed_to_viewers_nor_earned(finance, hear):
    """4.99 with 19% of tax: the coins are worth 4.19, and 100 of 500 release a fifth of that."""
    await hear(a_purchase_paid(coins=500, amount_minor=499, tax_minor=80, net_minor=419))
    await hear(a_gift_requested(coins=100))

    (line,) = (await finance.get("/v1/operator/wallet/liability")).json()["items"]

    assert (line["price_minor"], line["tax_minor"]) == (499, 80)
    assert (line["released_minor"], line["deferred_minor"]) == (83, 336)


async def test_a_bonus_has_no_tax(hear, database):
    await hear(a_purchase_paid(coins=500, bonus_coins=25, amount_minor=499, tax_minor=80))

    async with database.transaction() as tx:
        lots = await tx.execute(text("SELECT kind, price_minor, tax_minor FROM lots ORDER BY kind"))
        assert [tuple(row) for row in lots] == [("bonus", 0, 0), ("paid", 499, 80)]


async def test_the_last_coin_of_a_lot_brings_the_remainder(finance, hear):
    await hear(a_purchase_paid(coins=300, amount_minor=100))
    for _ in range(3):
        await hear(a_gift_requested(coins=100))

    (line,) = (await finance.get("/v1/operator/wallet/liability")).json()["items"]
    assert (line["released_minor"], line["deferred_minor"]) == (100, 0)


async def test_finance_is_for_who_has_the_scope(app):
    for path in ("trial-balance", "liability"):
        for token in (a_token("mira"), a_token("ops", roles=["operator"], scope="books:read")):
            async with client_of(app, token) as somebody:
                assert (await somebody.get(f"/v1/operator/wallet/{path}")).status_code == 403
