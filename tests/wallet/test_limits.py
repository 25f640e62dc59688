"""People spend what they allow themselves, and what operators allow, and not a coin more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.wallet import consumers
from services.wallet.commands import exclusions
from services.wallet.commands import limits as limiting
from services.wallet.main import read_rules
from shared.contracts.routes import QUEUES
from shared.identity.ages import AgeRule
from shared.postgres.statements import text
from tests.clients import a_token, an_operator_token, client_of, is_replayed
from tests.deliveries import a_broker, a_delivery, announced
from tests.wallet.conftest import a_gift_requested, a_purchase_paid


@pytest.fixture
async def mira(app):
    async with client_of(app, a_token("mira")) as client:
        yield client


@pytest.fixture
async def ops(app):
    token = a_token("ops", roles=["operator"], scope="limits:write")
    async with client_of(app, token) as client:
        yield client


async def last(database):
    """The outcome of the last gift."""
    outcomes = ("wallet.gift_paid", "wallet.gift_refused")
    return [fact for fact in await announced(database) if fact["name"] in outcomes][-1]


async def test_a_gift_above_the_daily_limit_is_refused_with_what_remains(hear, mira, database):
    """$20 a day, $18 spent, and a gift worth $3."""
    await hear(a_purchase_paid(coins=10_000, amount_minor=10_000))
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "USD", "amount": 2_000})
    await hear(a_gift_requested(coins=1_800))

    await hear(a_gift_requested(coins=300))

    refused = (await announced(database, "wallet.gift_refused"))[-1]
    assert refused["reason"] == "limit-exceeded"
    assert refused["limit_hit"] == {
        "period": "day",
        "unit": "USD",
        "limit": 2_000,
        "spent": 1_800,
        "remaining": 200,
    }


async def test_a_lower_limit_counts_at_once_and_a_higher_one_only_a_day_later(hear, mira, database):
    await hear(a_purchase_paid(coins=1_000))
    await mira.put("/v1/wallets/me/limits/gift", json={"unit": "coins", "amount": 100})

    raised = await mira.put("/v1/wallets/me/limits/gift", json={"unit": "coins", "amount": 500})
    await hear(a_gift_requested(coins=101))
    assert (await last(database))["reason"] == "limit-exceeded"

    (own,) = [limit for limit in raised.json()["limits"] if limit["set_by"] == "user"]
    assert (own["amount"], own["next_amount"]) == (100, 500)
    in_force = datetime.fromisoformat(own["next_from"]) - datetime.now(UTC)
    assert timedelta(hours=23) < in_force <= timedelta(hours=24)


async def test_a_limit_that_was_raised_counts_once_its_day_has_passed(
    hear, mira, database, settings
):
    rules = read_rules(settings.rules_file)
    await hear(a_purchase_paid(coins=1_000))
    await mira.put("/v1/wallets/me/limits/gift", json={"unit": "coins", "amount": 100})
    await mira.put("/v1/wallets/me/limits/gift", json={"unit": "coins", "amount": 500})

    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    async with database.part_for("mira").transaction() as tx:
        states = await limiting.read_limits(tx, "mira", rules, now=tomorrow)

    assert [each.amount for each in states if each.set_by == "user"] == [500]


async def test_to_lower_a_limit_again_forgets_the_raise_that_waits(hear, mira, database, settings):
    rules = read_rules(settings.rules_file)
    for amount in (100, 500, 50):
        await mira.put("/v1/wallets/me/limits/gift", json={"unit": "coins", "amount": amount})

    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    async with database.part_for("mira").transaction() as tx:
        states = await limiting.read_limits(tx, "mira", rules, now=tomorrow)

    assert [each.amount for each in states if each.set_by == "user"] == [50]


async def test_to_take_a_limit_away_is_to_raise_it(hear, mira, database):
    await hear(a_purchase_paid(coins=1_000))
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "coins", "amount": 10})
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "coins", "amount": None})

    await hear(a_gift_requested(coins=11))

    assert (await last(database))["reason"] == "limit-exceeded"


async def test_reminders_come_at_half_most_and_all_once_each(hear, mira, database):
    await hear(a_purchase_paid(coins=1_000))
    await mira.put("/v1/wallets/me/limits/week", json={"unit": "coins", "amount": 100})

    await hear(*(a_gift_requested(coins=10) for _ in range(11)))

    said = [f for f in await announced(database) if f["name"].startswith("wallet.limit_")]
    assert {fact["set_by"] for fact in said} == {"user"}
    assert [(fact["name"], fact["percent"], fact["spent"]) for fact in said] == [
        ("wallet.limit_reminder", 50, 50),
        ("wallet.limit_reminder", 80, 80),
        ("wallet.limit_reached", 100, 100),
    ]


async def rows_in_outbox(database, name):
    """How often an event was published; `announced` shows one that came twice once."""
    counted = text("SELECT count(*) FROM outbox WHERE routing_key = :name")
    async with database.transaction() as tx:
        return (await tx.execute(counted, {"name": name})).scalar_one()


async def test_a_reached_limit_is_published_once_however_many_gifts_it_refuses(
    hear, mira, database
):
    """Of one batch as of many: the event's row in the archive says that it was published."""
    await hear(a_purchase_paid(coins=1_000))
    await mira.put("/v1/wallets/me/limits/week", json={"unit": "coins", "amount": 100})

    await hear(a_gift_requested(coins=101), a_gift_requested(coins=101))
    await hear(a_gift_requested(coins=101))
    await hear(a_gift_requested(coins=101), a_gift_requested(coins=100))
    await hear(a_gift_requested(coins=1))

    facts = await announced(database)
    assert [fact["name"] for fact in facts].count("wallet.gift_refused") == 5
    limits = [fact for fact in facts if fact["name"].startswith("wallet.limit_")]
    assert [(fact["name"], fact["percent"], fact["spent"]) for fact in limits] == [
        ("wallet.limit_reached", 100, 0),
        ("wallet.limit_reminder", 50, 100),
        ("wallet.limit_reminder", 80, 100),
    ]
    assert await rows_in_outbox(database, "wallet.limit_reached") == 1


async def test_each_of_two_limits_on_the_same_window_is_heard_of(hear, mira, ops, database):
    """The viewer's own and the operator's, both of a day's coins; and one that was changed."""
    await hear(a_purchase_paid(coins=1_000))
    both = {"unit": "coins", "amount": 100}
    await ops.put("/v1/operator/wallets/mira/limits/day", json={**both, "reason": "new here"})
    await mira.put("/v1/wallets/me/limits/day", json=both)

    await hear(a_gift_requested(coins=50))
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "coins", "amount": 90})
    await hear(a_gift_requested(coins=40))
    await hear(a_gift_requested(coins=1))

    said = [fact for fact in await announced(database) if "set_by" in fact]
    assert sorted((fact["set_by"], fact["limit"], fact["percent"]) for fact in said) == [
        ("operator", 100, 50),
        ("operator", 100, 80),
        ("user", 90, 80),
        ("user", 90, 100),
        ("user", 100, 50),
    ]


async def test_everyone_has_a_daily_limit_until_an_operator_lifts_it(hear, ops, database):
    await hear(a_purchase_paid(coins=200_000))
    await hear(a_gift_requested(coins=50_001))
    assert (await last(database))["reason"] == "limit-exceeded"

    lifted = {"unit": "coins", "amount": None, "reason": "known and verified"}
    assert (await ops.put("/v1/operator/wallets/mira/limits/day", json=lifted)).status_code == 200
    await hear(a_gift_requested(coins=50_001))

    assert (await last(database))["name"] == "wallet.gift_paid"


async def test_gifts_are_paid_for_adults_alone_and_for_nobody_of_unknown_age(hear, database):
    await hear(a_purchase_paid(coins=100))

    await hear(a_gift_requested(coins=1, age_verified=17))
    assert (await last(database))["reason"] == "too-young"
    await hear(a_gift_requested(coins=1, age_verified=None))
    assert (await last(database))["reason"] == "age-unknown"
    await hear(a_gift_requested(coins=1, age_verified=18))

    assert (await last(database))["name"] == "wallet.gift_paid"


@pytest.fixture
def hear_under(database, settings):
    """Hand facts to a wallet whose operator says something else about ages."""

    async def hear_all(ages, *events, minor_coins_per_day=0):
        rules = replace(
            read_rules(settings.rules_file), ages=ages, minor_coins_per_day=minor_coins_per_day
        )
        queues = consumers.build(settings, rules, database, a_broker("wallet"))
        for consumer in queues:
            mine = [event for event in events if type(event) in QUEUES[consumer.queue]]
            if mine:
                await consumer.receive([a_delivery(event) for event in mine])

    return hear_all


async def test_an_operator_may_let_people_of_unknown_age_give_and_the_young_a_little(
    hear, hear_under, database
):
    lenient = AgeRule(unknown_allowed=True, young_allowed=True)
    await hear(a_purchase_paid(coins=100))

    await hear_under(lenient, a_gift_requested(coins=20, age_verified=None))
    assert (await last(database))["name"] == "wallet.gift_paid"
    for coins, outcome in ((5, "wallet.gift_paid"), (80, "wallet.gift_refused")):
        young = a_gift_requested(coins=coins, age_verified=17)
        await hear_under(lenient, young, minor_coins_per_day=30)
        assert (await last(database))["name"] == outcome


async def test_what_was_paid_before_an_age_was_asked_for_stays_paid(hear, hear_under, database):
    await hear(a_purchase_paid(coins=100))
    old = a_gift_requested(coins=10, age_verified=None)
    await hear_under(AgeRule(unknown_allowed=True), old)

    again = old.model_copy(update={"attempt": 2})
    await hear(again)

    assert (await last(database))["name"] == "wallet.gift_paid"
    assert len(await announced(database, "wallet.gift_refused")) == 0


async def test_a_limit_in_another_currency_is_converted_or_refused(hear, mira, database):
    await hear(a_purchase_paid(coins=1_000, amount_minor=1_000))
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "EUR", "amount": 92})

    await hear(a_gift_requested(coins=100))
    assert await announced(database, "wallet.limit_reached")
    await mira.put("/v1/wallets/me/limits/day", json={"unit": "JPY", "amount": 1})
    await hear(a_gift_requested(coins=1))

    assert (await announced(database, "wallet.gift_refused"))[-1]["reason"] in (
        "no-exchange-rate",
        "limit-exceeded",
    )


async def test_who_excludes_themselves_spends_nothing_until_it_is_over(hear, mira, database):
    await hear(a_purchase_paid(coins=100))
    asked = {"json": {"days": 7}, "headers": {"Idempotency-Key": "enough"}}

    first = await mira.post("/v1/wallets/me/exclusions", **asked)
    again = await mira.post("/v1/wallets/me/exclusions", **asked)
    await hear(a_gift_requested(coins=1))

    assert (first.status_code, again.json()) == (201, first.json())
    assert [is_replayed(first), is_replayed(again)] == [False, True]
    assert len(await announced(database, "wallet.exclusion_started")) == 1
    assert (await last(database))["reason"] == "self-excluded"

    async with database.part_for("mira").transaction() as tx:
        await exclusions.end_exclusions(tx, now=datetime.now(UTC) + timedelta(days=8))
    await hear(a_gift_requested(coins=1))
    assert len(await announced(database, "wallet.exclusion_ended")) == 1
    assert (await last(database))["name"] == "wallet.gift_paid"


async def test_a_gift_that_was_asked_for_before_an_exclusion_began_is_not_paid_after(
    hear, mira, database
):
    """What was allowed when it was asked for is looked at again when the coins would move."""
    await hear(a_purchase_paid(coins=100))
    asked = a_gift_requested(coins=1)
    await mira.post(
        "/v1/wallets/me/exclusions", json={"days": 1}, headers={"Idempotency-Key": "enough"}
    )

    await hear(asked)

    assert (await last(database))["reason"] == "self-excluded"


async def test_money_that_was_paid_during_an_exclusion_still_becomes_coins(hear, mira):
    headers = {"Idempotency-Key": "enough"}
    await mira.post("/v1/wallets/me/exclusions", json={"days": 1}, headers=headers)

    await hear(a_purchase_paid(coins=100))

    assert (await mira.get("/v1/wallets/me")).json()["coins"] == 100


async def test_of_several_exclusions_the_longest_is_told(hear, mira, database):
    await hear(a_purchase_paid(coins=100))
    for days in (30, 1, 7):
        headers = {"Idempotency-Key": f"{days}"}
        answer = await mira.post("/v1/wallets/me/exclusions", json={"days": days}, headers=headers)
        if days == 30:
            longest = answer.json()["until"]

    limits = (await mira.get("/v1/wallets/me/limits")).json()

    assert limits["excluded_until"] == longest


async def test_what_was_spent_this_month_is_told_in_money(hear, mira):
    await hear(a_purchase_paid(coins=500, bonus_coins=50, amount_minor=499))
    await hear(a_gift_requested(coins=50), a_gift_requested(coins=500))

    spent = (await mira.get("/v1/wallets/me/spending")).json()

    assert spent == {
        "coins": 550,
        "money": [{"currency": "USD", "coins": 550, "amount_minor": 499}],
    }


async def test_spendings_of_a_day_add_up_over_batches_and_currencies(hear, mira):
    """The second batch spends the last dollars and the first euros of the day."""
    await hear(a_purchase_paid(coins=100, amount_minor=100))
    await hear(a_gift_requested(coins=60))
    await hear(a_purchase_paid(coins=100, amount_minor=200, currency="EUR"))
    gifts = [a_gift_requested(coins=100), a_gift_requested(coins=20)]

    await hear(*gifts)
    await hear(*gifts)

    spent = (await mira.get("/v1/wallets/me/spending")).json()
    assert spent["coins"] == 180
    assert sorted(spent["money"], key=lambda each: each["currency"]) == [
        {"currency": "EUR", "coins": 80, "amount_minor": 160},
        {"currency": "USD", "coins": 100, "amount_minor": 100},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"unit": "coins", "amount": -1},
        {"unit": "coins", "amount": 2**63},
        {"unit": "coins", "amount": 1.5},
        {"unit": "pearls", "amount": 1},
        {"unit": "coins"},
        {},
    ],
    ids=str,
)
async def test_a_limit_that_makes_no_sense_is_refused(mira, body):
    assert (await mira.put("/v1/wallets/me/limits/day", json=body)).status_code == 422
    assert (await mira.put("/v1/wallets/me/limits/year", json=body)).status_code == 422


async def test_limits_are_ones_own_or_an_operators_with_the_scope(app, mira):
    body = {"unit": "coins", "amount": 1}
    assert (await mira.put("/v1/wallets/otto/limits/day", json=body)).status_code == 403
    assert (await mira.get("/v1/wallets/otto/limits")).status_code == 403
    assert (await mira.get("/v1/wallets/otto/spending")).status_code == 403
    async with client_of(app, an_operator_token("books:read")) as other:
        body["reason"] = "because"
        answer = await other.put("/v1/operator/wallets/mira/limits/day", json=body)
        assert answer.status_code == 403
