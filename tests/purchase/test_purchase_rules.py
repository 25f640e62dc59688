"""Who may buy how much: each rule refuses, says when it ends, and is told to fraud teams once."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.purchase.domain.purchase_rules import (
    CardTesting,
)
from services.purchase.main import read_rules
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.metrics import metric
from tests.parts import in_every_part
from tests.purchase.conftest import AGE_PURCHASES, SEED_RULES
from tests.purchase.pretend import a_webhook
from tests.purchase.wallet_events import coins_held

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
RULES = SEED_RULES.purchases
# 100 USD and 10 USD, at one cent a coin.
HUNDRED, TEN = {"package": "custom", "coins": 10_000}, {"package": "custom", "coins": 1_000}
GERMANY = frozenset({"DE"})
PEACEFUL = replace(RULES, purchases_per_minute_max=None, open_dispute_locks=True)


def an_account(days):
    """Claims of a viewer whose account is so many days old."""
    return {"account_created_at": int(time.time()) - days * 86_400}


@pytest.fixture
def old_account():
    return an_account(8)


@pytest.fixture
def young_account():
    return an_account(6)


@pytest.fixture
def rules():
    """The numbers that a new installation has."""
    return SEED_RULES


@pytest.fixture
def let_pass(database):
    """Let time pass since the purchases."""

    async def age(**time):
        minutes = round(timedelta(**time).total_seconds() / 60)
        await in_every_part(database, AGE_PURCHASES, minutes=minutes)
        await in_every_part(database, "DELETE FROM quotas WHERE act = 'purchases'")

    return age


async def no_minute(database):
    """Let the purchases so far be some minutes old."""
    await in_every_part(database, AGE_PURCHASES, minutes=2)


def seconds_left(answer):
    """When a refusal ends, in seconds from now; its header and its fact agree."""
    ends_at = datetime.fromisoformat(answer.json()["ends_at"])
    seconds = (ends_at - datetime.now(UTC)).total_seconds()
    assert abs(int(answer.headers["Retry-After"]) - seconds) < 5
    return seconds


async def test_parallel_purchases_never_come_to_more_than_a_day_allows(
    buy, database, rules, young_account
):
    wished = [buy(**TEN, key=f"key-{n}", claims=young_account) for n in range(20)]

    answers = await asyncio.gather(*wished)

    async with database.transaction() as tx:
        found = (await tx.execute(text("SELECT count(*), sum(counted_minor) FROM purchases"))).one()
    # Five in a minute are the first limit that is reached.
    assert (found[0], found[1]) == (5, 5_000)
    assert sorted({answer.status_code for answer in answers}) == [201, 429]
    assert {each.json()["rule"] for each in answers if each.is_error} == {"purchases-per-minute"}


async def test_without_a_limit_of_a_minute_money_is_what_stops_them(
    app, buy, database, young_account
):
    app.state.rules = replace(SEED_RULES, purchases=PEACEFUL)

    answers = await asyncio.gather(
        *(buy(**TEN, key=f"key-{n}", claims=young_account) for n in range(20))
    )

    async with database.transaction() as tx:
        spent_minor = (
            await tx.execute(text("SELECT sum(counted_minor) FROM purchases"))
        ).scalar_one()
    assert spent_minor == 10_000
    refused = [answer.json() for answer in answers if answer.is_error]
    assert {each["rule"] for each in refused} == {"money-per-day"}
    assert len(refused) == 10


@pytest.mark.parametrize(
    "claims", [None, {}, *({"account_created_at": at} for at in (0, 0.0, 2**50))]
)
async def test_a_new_account_and_one_of_unknown_age_buy_for_100_dollars_a_day(
    buy, database, let_pass, claims, young_account
):
    claims = young_account if claims is None else claims
    assert (await buy(**HUNDRED, key="all", claims=claims)).status_code == 201
    refused = await buy(key="more", claims=claims)

    assert (refused.status_code, refused.json()["code"]) == (429, "purchase-limit-reached")
    assert refused.json()["rule"] == "money-per-day"
    assert 86_300 < seconds_left(refused) <= 86_400
    await no_minute(database)
    assert (await buy(**HUNDRED, key="all", claims=claims)).status_code == 201, "a repeat is none"


async def test_the_money_of_a_day_is_free_again_once_the_day_is_over(
    buy, pay, let_pass, young_account
):
    bought = await buy(**HUNDRED, key="all", claims=young_account)
    await pay(bought.json()["purchase"])

    await let_pass(hours=23, minutes=59)
    assert (await buy(key="early", claims=young_account)).status_code == 429
    await let_pass(minutes=2)
    assert (await buy(key="late", claims=young_account)).status_code == 201


async def test_an_older_account_buys_for_500_dollars_a_day_and_not_at_once_for_more(
    buy, database, old_account
):
    for number in range(5):
        answer = await buy(**HUNDRED, key=f"key-{number}", claims=old_account)
        assert answer.status_code == 201, answer.text
    await no_minute(database)

    refused = await buy(key="more", claims=old_account)
    assert (refused.status_code, refused.json()["rule"]) == (429, "money-per-day")
    large = await buy("custom", coins=10_001, key="large", viewer="noa")
    assert (large.status_code, large.json()["code"]) == (403, "purchase-too-large")
    assert (large.json()["limit_minor"], large.json()["currency"]) == (10_000, "USD")


async def test_money_that_never_came_counts_no_more(
    buy, pretend, send_webhook, wait, young_account
):
    failed = (await buy(**HUNDRED, key="failed", claims=young_account)).json()["purchase"]
    pretend.become(failed, "failed", failure="card-declined")
    await send_webhook(failed, "payment.failed")
    expired = await buy(**HUNDRED, key="expired", claims=young_account)
    assert expired.status_code == 201
    await wait(minutes=60)

    assert (await buy(**HUNDRED, key="third", claims=young_account)).status_code == 201


async def test_a_payment_that_comes_late_counts_again(
    buy, pretend, send_webhook, wait, young_account
):
    late = (await buy(**HUNDRED, key="late", claims=young_account)).json()["purchase"]
    await wait(minutes=60)
    pretend.become(late, "succeeded")
    await send_webhook(late)

    assert (await buy(key="more", claims=young_account)).json()["rule"] == "money-per-day"


async def test_amounts_of_other_currencies_count_as_the_table_says(buy, database):
    # 160 yen are as much as a dollar; the table says that 16,000 are as much as a hundred.
    await buy("coins_100", currency="JPY")

    async with database.transaction() as tx:
        counted = (await tx.execute(text("SELECT counted_minor FROM purchases"))).scalar_one()
    assert counted == 100


def test_nobody_sells_in_a_currency_whose_amounts_cannot_be_compared(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(Path("seeds/rules.toml").read_text().replace("JPY = 16000\n", ""))

    with pytest.raises(AssertionError, match="JPY"):
        read_rules(Path("tests/purchase/packages.toml"), file)


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("countries_denied = []", "countries_deny = []"),
        ("countries_denied = []", 'countries_denied = ["QQ"]'),
        ("minor_per_day = 50000", "minor_per_day = 5"),
        ('unknown_account = "new"', 'unknown_account = "old"'),
        ("failed_max = 5 ", "failed_max = 0 "),
    ],
)
def test_a_mistake_in_the_rules_stops_the_service(tmp_path, line, broken):
    rules = Path("seeds/rules.toml").read_text()
    assert rules.count(f"\n{line}") == 1
    file = tmp_path / "rules.toml"
    file.write_text(rules.replace(f"\n{line}", f"\n{broken}"))

    with pytest.raises((AssertionError, TypeError)):
        read_rules(Path("tests/purchase/packages.toml"), file)


@pytest.mark.parametrize(
    ("listed", "country", "is_served"),
    [
        ({}, None, True),
        ({"countries_denied": GERMANY}, "DE", False),
        ({"countries_denied": GERMANY}, "FR", True),
        ({"countries_denied": GERMANY}, None, False),
        ({"countries_allowed": GERMANY}, "DE", True),
        ({"countries_allowed": GERMANY}, "FR", False),
        ({"countries_allowed": GERMANY}, None, False),
        (
            {"countries_allowed": GERMANY, "countries_denied": GERMANY},
            "DE",
            False,
        ),
    ],
)
async def test_coins_are_sold_where_the_operator_sells_them(
    app, buy, database, listed, country, is_served
):
    app.state.rules = replace(SEED_RULES, purchases=replace(RULES, **listed))

    answer = await buy(claims={"country": country} if country else {})

    assert answer.is_success == is_served
    if not is_served:
        assert (answer.status_code, answer.json()["code"]) == (403, "country-not-served")
        assert [fact["rule"] for fact in await announced(database)] == ["country"]


async def test_who_has_many_payments_declined_waits_until_the_first_is_a_day_old(
    buy, pretend, send_webhook, let_pass, database, old_account
):
    for number in range(5):
        purchase = (await buy(key=f"key-{number}", claims=old_account)).json()["purchase"]
        pretend.become(purchase, "failed", failure="card-declined")
        await send_webhook(purchase, "payment.failed")
        await no_minute(database)

    refused = await buy(key="next", claims=old_account)
    assert (refused.status_code, refused.json()["code"]) == (403, "purchases-paused")
    assert refused.json()["rule"] == "failed-payments"
    assert 0 < seconds_left(refused) < 86_400
    assert (await buy(key="next", viewer="noa")).status_code == 201
    await let_pass(hours=24)
    assert (await buy(key="next", claims=old_account)).status_code == 201


async def test_who_abandons_many_small_purchases_waits_and_larger_ones_are_none(app, buy, wait):
    app.state.rules = replace(
        SEED_RULES, purchases=replace(PEACEFUL, card_testing=CardTesting(24, 99, 3, 100))
    )
    for number in range(3):
        await buy(key=f"small-{number}")
        await buy("coins_500", key=f"large-{number}", viewer="noa")
    await wait(minutes=31)

    refused = await buy(key="next")
    assert refused.json()["rule"] == "small-unpaid-purchases"
    assert (await buy(key="next", viewer="noa")).status_code == 201


async def test_while_a_bank_decides_nothing_is_sold_and_once_it_has_all_is(
    app, buy, pay, pretend, send_webhook
):
    app.state.rules = replace(SEED_RULES, purchases=PEACEFUL)
    purchase = (await buy()).json()["purchase"]
    await pay(purchase)
    pretend.dispute(purchase, "open")
    await send_webhook(purchase, "payment.disputed")

    refused = await buy(key="next")
    assert (refused.status_code, refused.json()["code"]) == (403, "purchases-locked")
    assert (refused.json()["rule"], refused.json()["ends_at"]) == ("open-dispute", None)
    pretend.dispute(purchase, "won")
    await send_webhook(purchase, "payment.disputed")
    assert (await buy(key="next")).status_code == 201


async def test_after_a_fraud_warning_nothing_is_sold_for_two_weeks(buy, pretend, send_webhook):
    purchase = (await buy()).json()["purchase"]
    pretend.become(purchase, "succeeded", warnings=[{"id": "ew_1", "reason": "stolen"}])
    await send_webhook(purchase)

    refused = await buy(key="next")
    assert (refused.status_code, refused.json()["rule"]) == (403, "fraud-warning")
    assert 14 * 86_400 - 60 < seconds_left(refused) <= 14 * 86_400
    assert (await buy(key="next", viewer="noa")).status_code == 201


async def test_who_had_money_back_too_often_waits_a_purchase_counts_once(
    app, bought_in, request_refund, consume, give_back, buy, pretend, send_webhook, let_pass
):
    few = replace(PEACEFUL.repeat_refunds, purchases_max=2)
    app.state.rules = replace(
        SEED_RULES, purchases=replace(PEACEFUL, repeat_refunds=few, open_dispute_locks=False)
    )
    refunded = await bought_in(key="refunded")
    refund = (await request_refund(refunded)).json()["refund"]
    await consume(coins_held(refunded, refund))
    await give_back()
    pretend.dispute(refunded, "lost")
    await send_webhook(refunded, "payment.disputed")
    disputed = await bought_in(key="disputed")
    assert (await buy(key="still")).status_code == 201

    pretend.dispute(disputed, "lost")
    await send_webhook(disputed, "payment.disputed")

    refused = await buy(key="next")
    assert (refused.status_code, refused.json()["rule"]) == (403, "repeat-refunds")


async def test_money_that_had_bought_nothing_and_was_given_back_is_no_sign_of_fraud(
    app, buy, paid_twice, deliver
):
    few = replace(PEACEFUL.repeat_refunds, purchases_max=1)
    app.state.rules = replace(SEED_RULES, purchases=replace(PEACEFUL, repeat_refunds=few))
    second = await paid_twice()
    second["refunded_minor"] = second["amount_minor"]
    await deliver(*a_webhook(second))

    assert (await buy(key="another")).status_code == 201


async def test_a_refusal_is_told_once_a_day_and_rule_also_at_once(buy, database):
    before = metric("ovation_purchases_refused_total", rule="money-per-day")
    await buy(**HUNDRED, key="all", claims={"country": "US"})

    await asyncio.gather(
        *(buy(key=f"more-{n}", claims={"country": "US"}) for n in range(10)),
        buy("custom", coins=25_000, key="large"),
    )
    await buy(key="noa", viewer="noa", claims={"age_verified": 12})

    told = await announced(database, "purchase.refused")
    assert sorted((fact["viewer"], fact["rule"]) for fact in told) == [
        ("mira", "money-per-day"),
        ("noa", "age"),
    ]
    assert metric("ovation_purchases_refused_total", rule="money-per-day") == before + 11
    (first,) = [fact for fact in told if fact["viewer"] == "mira"]
    assert first["package"] in ("coins_100", "custom")
    await in_every_part(database, "UPDATE quotas SET began_at = began_at - interval '25 hours'")
    await buy(key="more", claims={"country": "US"})
    told = [
        fact["rule"] for fact in await announced(database) if fact["name"] == "purchase.refused"
    ]
    assert told.count("money-per-day") == 2


async def test_what_is_wrong_with_an_order_is_no_fact_for_fraud_teams(buy, database):
    assert (await buy("no-such-package")).status_code == 404

    assert await announced(database) == []
