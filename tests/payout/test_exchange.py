"""A creator is paid in another currency: at a dated rate, with the books in both."""

from dataclasses import replace
from datetime import date

import pytest

from services.payout.domain.exchange import ExchangeRules
from services.payout.domain.fees import FeeRules, PayoutFee
from services.payout.domain.payouts import ProviderStatus
from services.payout.store import attempts
from shared.postgres.statements import text
from tests.payout.books import violations
from tests.payout.conftest import a_gift_sent, quote, request

LONG_AGO = date(2020, 1, 1)
RATES = ExchangeRules("USD", 100, ((LONG_AGO, {"EUR": 900_000, "JPY": 150_000_000}),))
PAYING = {"exchange": RATES}


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
def rich(lea, hear):
    """Lea with so many diamonds and one payee, in euros or another currency."""

    async def make(diamonds=700_000, *currencies):
        await hear(a_gift_sent(diamonds))
        for currency in currencies or ["EUR"]:
            path = f"/v1/payouts/payees/{currency}"
            await lea.put(path, json={"destination": "acct_ok_lea"})

    return make


async def money(database):
    """What each money account holds, without those that hold nothing."""
    async with database.transaction() as tx:
        rows = await tx.execute(
            text(
                "SELECT account, asset, sum(amount)::bigint AS minor FROM postings"
                " WHERE asset <> 'diamonds' GROUP BY account, asset HAVING sum(amount) <> 0"
            )
        )
        return {(row.account, row.asset): row.minor for row in rows}


async def test_a_quote_locks_the_amount_in_the_creators_currency(rich, later, database):
    """$50.00 at 0.90 less 1 %: 44.55 euros, also when the rate is another one by then."""
    await rich(10_000)
    async with later(**PAYING) as client:
        quoted = await quote(client, currency="EUR")
    async with later(exchange=replace(RATES, versions=((LONG_AGO, {"EUR": 1}),))) as client:
        payout = (await request(client, quoted)).json()

    assert (quoted["amount_minor"], quoted["currency"]) == (4_455, "EUR")
    assert (quoted["value_minor"], quoted["value_currency"]) == (5_000, "USD")
    assert quoted["exchange"] == {"parts_per_million": 900_000, "as_of": "2020-01-01"}
    assert (payout["amount_minor"], payout["currency"]) == (4_455, "EUR")
    assert (payout["value_minor"], payout["state"]) == (5_000, "approved")


async def test_the_books_keep_both_currencies_at_the_rate_of_the_quote(
    rich, later, database, work, lea
):
    await rich(10_000)
    async with later(**PAYING) as client:
        payout = (await request(client, await quote(client, currency="EUR"))).json()["payout"]
    assert await money(database) == {
        ("@creator_payable", "EUR"): -4_455,
        ("@exchange", "EUR"): 4_455,
        ("@exchange", "USD"): -5_000,
        ("@creator_rewards", "USD"): 5_000,
    }
    while (await lea.get(f"/v1/payouts/{payout}")).json()["state"] != "paid":
        await work()

    assert await money(database) == {
        ("@provider_clearing", "EUR"): -4_455,
        ("@exchange", "EUR"): 4_455,
        ("@exchange", "USD"): -5_000,
        ("@creator_rewards", "USD"): 5_000,
    }


async def test_a_part_that_comes_back_brings_its_share_of_both_currencies(
    rich, later, database, apply_status
):
    """10.00 of 44.55 euros came back: of $50.00 they are $11.22, of 10,000 diamonds 2,244."""
    await rich(10_000)
    async with later(**PAYING) as client:
        await request(client, await quote(client, currency="EUR"))
    async with database.part_for("lea").transaction() as tx:
        await attempts.open_for_approved(tx, 10)
        (sent,) = await attempts.claim_due(tx, 10)
    await apply_status(sent, ProviderStatus.PAID, returned_minor=1_000)

    assert await money(database) == {
        ("@provider_clearing", "EUR"): -3_455,
        ("@exchange", "EUR"): 3_455,
        ("@exchange", "USD"): 1_122 - 5_000,
        ("@creator_payable", "USD"): -1_122,
        ("@creator_rewards", "USD"): 5_000,
    }


async def test_what_comes_back_is_owed_in_the_currency_of_the_books_again(
    rich, later, database, reviewer
):
    await rich(200_000)
    async with later(**PAYING) as client:
        payout = (await request(client, await quote(client, currency="EUR"))).json()
    async with reviewer() as ann:
        path = f"/v1/operator/payouts/lea/{payout['payout']}/reject"
        rejected = await ann.post(path, json={"reason": "not now"})

    assert rejected.json()["state"] == "rejected"
    assert await money(database) == {
        ("@creator_payable", "USD"): -100_000,
        ("@creator_rewards", "USD"): 100_000,
    }


async def test_the_limits_count_what_a_payout_is_worth_in_the_books(rich, later):
    await rich(700_000, "JPY", "EUR")
    async with later(**PAYING) as client:
        first = await quote(client, currency="JPY")
        await request(client, first)
        refused = await client.post("/v1/payouts/quotes", json={"currency": "EUR"})

    assert (first["value_minor"], first["amount_minor"]) == (100_000, 148_500)
    assert refused.json()["code"] == "daily-maximum"


async def test_a_currency_without_a_rate_is_refused_and_the_others_are_named(rich, later):
    await rich(10_000)
    async with later(**PAYING) as client:
        refused = await client.post("/v1/payouts/quotes", json={"currency": "CHF"})

    assert (refused.status_code, refused.json()["code"]) == (422, "no-exchange-rate")
    assert refused.json()["currencies"] == ["USD", "EUR", "JPY"]


async def test_a_fee_is_shown_before_anything_moves_and_kept_when_it_is_paid(
    rich, later, database, work, lea
):
    await rich(10_000, "USD", "EUR")
    fees = FeeRules(pass_through=True, providers={"sandbox": PayoutFee(25, 25, 2_000)})
    async with later(fees=fees, **PAYING) as client:
        quoted = await quote(client)
        in_euros = await quote(client, currency="EUR")
        payout = (await request(client, quoted)).json()["payout"]
    while (await lea.get(f"/v1/payouts/{payout}")).json()["state"] != "paid":
        await work()

    assert (quoted["fee_minor"], quoted["amount_minor"]) == (38, 4_962)
    # 38 cents are 33.858 euro cents.
    assert (in_euros["fee_minor"], in_euros["amount_minor"]) == (34, 4_421)
    assert (await money(database))["@payout_fees", "USD"] == -38
