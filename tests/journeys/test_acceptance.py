"""What the field expects of a coin economy, example by example, through the public APIs."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from deploy.config.databases import fetch, run_sql
from tests.journeys.people import eventually, stage_on


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


@pytest.fixture
def mira(stage):
    return stage.person("mira", country="DE", age_verified=30)


@pytest.fixture
def lea(stage):
    return stage.person("lea", roles=["creator"], country="FR", age_verified=30)


def coins(person):
    return person.get("/v1/wallets/me")["coins"]


def diamonds(person):
    earned = person.get("/v1/earnings/me")
    return earned["pending_diamonds"] + earned["available_diamonds"]


def age_purchase(system, purchase, days):
    """Let time pass for one purchase."""
    run_sql(
        system.postgres.dsn("purchase"),
        [
            (
                f"UPDATE purchases SET paid_at = paid_at - interval '{days} days'"
                f" WHERE id = '{purchase}'"
            )
        ],
    )


def test_example_1_a_streak_of_twenty_taps_is_twenty_charges_of_one_coin(stage, mira, lea, system):
    room = f"room-{uuid4().hex[:6]}"
    stage.buy(mira)

    answers = [stage.give(mira, lea.user, room=room).json() for _ in range(20)]

    assert [answer["repeat_count"] for answer in answers] == list(range(1, 21))
    assert len({answer["combo"] for answer in answers}) == 1
    # Sum what each cost; who sums what they came to counts 210.
    assert sum(answer["coins"] for answer in answers) == 20
    assert sum(answer["combo_coins"] for answer in answers) == 210
    eventually(lambda: combos_of(system, mira) == [(answers[0]["combo"], 20, 20, True)])
    assert coins(mira) == 80
    eventually(lambda: diamonds(lea) == 20)
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["coins"] == 20)
    assert lea.get("/v1/earnings/me")["value"] == {
        "amount_minor": 10,
        "currency": "USD",
        "rate_version": 1,
    }


def combos_of(system, viewer):
    """The combos of a viewer as the gift service has them: id, gifts, coins, whether over."""
    query = f"SELECT * FROM combos WHERE viewer = '{viewer.user}'"
    return [
        (str(row["id"]), row["repeat_count"], row["coins"], row["ended_at"] is not None)
        for row in fetch(system.postgres.dsn("gift"), query)
    ]


def test_example_2_the_same_key_is_one_gift_and_another_wish_under_it_is_refused(stage, mira, lea):
    stage.buy(mira)
    key = uuid4().hex

    first, again = (stage.give(mira, lea.user, key=key) for _ in range(2))
    other = stage.give(mira, lea.user, key=key, count=2)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert coins(mira) == 99


def test_example_3_of_fifty_gifts_at_once_exactly_those_that_can_be_paid_are(stage, mira, lea):
    stage.buy(mira)

    with ThreadPoolExecutor(50) as crowd:
        answers = list(
            crowd.map(lambda _: stage.give(mira, lea.user, "g_glowbug").status_code, range(50))
        )

    assert sorted(answers) == [201] * 10 + [402] * 40
    assert coins(mira) == 0


def test_example_4_unused_coins_go_back_within_the_law_rounded_up(stage, mira, lea, system):
    purchase = stage.buy(mira, "coins_500")
    assert stage.give(mira, lea.user, "g_glowbug", count=12).status_code == 201
    ops = stage.operator()
    consumed = ops.get(f"/v1/operator/wallets/{mira.user}/purchases/{purchase}/consumption")
    assert consumed["consumption_milliunits"] == 24_000
    age_purchase(system, purchase, 10)

    asked = mira.post(f"/v1/purchases/{purchase}/refunds", {})

    assert asked.status_code == 202, asked.text
    refunds = f"/v1/purchases/{purchase}/refunds"
    eventually(lambda: mira.get(refunds)["items"][0]["state"] == "refunded")
    assert mira.get(refunds)["items"][0]["amount_minor"] == 380
    assert stage.payment_of(purchase)["refunded_minor"] == 380
    eventually(lambda: mira.get("/v1/wallets/me")["held_coins"] == 0)
    assert coins(mira) == 0
    assert mira.post(f"/v1/purchases/{purchase}/refunds", {}).status_code == 202
    eventually(lambda: mira.get(refunds)["items"][0]["reason"] == "nothing-unused")


def test_example_4_after_the_law_or_outside_of_it_there_is_no_refund(stage, mira, system):
    late = stage.buy(mira, "coins_500")
    age_purchase(system, late, 30)
    abroad = stage.person("abby", country="US", age_verified=30)
    elsewhere = stage.buy(abroad)

    too_late = mira.post(f"/v1/purchases/{late}/refunds", {})
    no_law = abroad.post(f"/v1/purchases/{elsewhere}/refunds", {})

    assert (too_late.status_code, too_late.json()["code"]) == (403, "refund-too-late")
    assert (no_law.status_code, no_law.json()["code"]) == (403, "not-refundable")
    assert coins(mira) == 500


def test_example_5_a_webhook_that_is_sent_again_credits_nothing_more(stage, mira):
    purchase = stage.buy(mira)

    for event in stage.events():
        if event["data"]["object"].get("reference") == purchase:
            for _ in range(2):
                stage.provider(f"/events/{event['id']}/redeliver", {})

    eventually(lambda: mira.get(f"/v1/purchases/{purchase}")["state"] == "completed")
    assert coins(mira) == 100


def test_example_6_a_chargeback_takes_the_coins_the_diamonds_and_gives_all_back(stage, mira, lea):
    room = f"room-{uuid4().hex[:6]}"
    purchase = stage.buy(mira, "coins_1000")
    assert stage.give(mira, lea.user, "g_whistle", count=7, room=room).status_code == 201
    eventually(lambda: diamonds(lea) == 700)

    dispute = stage.provider(f"/payments/{stage.payment_of(purchase)['id']}/disputes", {})

    eventually(lambda: mira.get("/v1/wallets/me")["debt_coins"] == 700)
    assert coins(mira) == 0
    eventually(lambda: diamonds(lea) == 0)
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["coins"] == 0)
    assert stage.give(mira, lea.user).json()["reason"] == "wallet-in-debt"

    stage.provider(f"/disputes/{dispute['id']}/close", {"won": True})

    eventually(lambda: mira.get("/v1/wallets/me")["debt_coins"] == 0)
    assert coins(mira) == 300
    eventually(lambda: diamonds(lea) == 700)
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["coins"] == 700)


def test_example_6_a_debt_is_settled_by_the_next_purchase_and_restores_too(stage, mira, lea):
    purchase = stage.buy(mira)
    assert stage.give(mira, lea.user, "g_whistle").status_code == 201
    eventually(lambda: diamonds(lea) == 100)
    stage.provider(f"/payments/{stage.payment_of(purchase)['id']}/disputes", {})
    eventually(lambda: diamonds(lea) == 0)

    stage.buy(mira, "coins_500")

    eventually(lambda: diamonds(lea) == 100)
    assert (coins(mira), mira.get("/v1/wallets/me")["debt_coins"]) == (400, 0)


def grant_diamonds(stage, creator, diamonds_wanted):
    """Give diamonds as two operators can."""
    ann, ben = stage.operator("ann"), stage.operator("ben")
    path = "/v1/operator/payout/adjustments"
    wish = {"user": creator.user, "amount": diamonds_wanted, "reason": "acceptance test"}
    asked = ann.post(path, wish).json()["adjustment"]
    assert ben.post(f"{path}/{asked}/approve", {}).status_code == 200


def test_example_7_payouts_have_a_minimum_a_maximum_and_lose_no_diamond(stage, lea):
    lea.put("/v1/payouts/payees/USD", {"destination": "acct_ok_lea"})
    grant_diamonds(stage, lea, 1_999)
    below = lea.post("/v1/payouts/quotes", {})
    assert (below.status_code, below.json()["code"]) == (422, "below-minimum")

    grant_diamonds(stage, lea, 2)
    quote = lea.post("/v1/payouts/quotes", {}).json()
    assert (quote["diamonds"], quote["amount_minor"]) == (2_000, 1_000)
    payout = lea.post("/v1/payouts", {"quote": quote["quote"]}).json()["payout"]
    eventually(lambda: lea.get(f"/v1/payouts/{payout}")["state"] == "paid")
    assert lea.get("/v1/earnings/me")["available_diamonds"] == 1

    other = stage.person("otis", roles=["creator"], country="FR", age_verified=30)
    other.put("/v1/payouts/payees/USD", {"destination": "acct_ok_otis"})
    grant_diamonds(stage, other, 250_000)
    capped = other.post("/v1/payouts/quotes", {}).json()
    assert (capped["diamonds"], capped["amount_minor"]) == (200_000, 100_000)


def test_example_8_an_unknown_result_is_never_paid_twice(stage, lea, system):
    lea.put("/v1/payouts/payees/USD", {"destination": "acct_timeout_lea"})
    grant_diamonds(stage, lea, 2_000)
    quote = lea.post("/v1/payouts/quotes", {}).json()["quote"]

    payout = lea.post("/v1/payouts", {"quote": quote}).json()["payout"]

    eventually(lambda: lea.get(f"/v1/payouts/{payout}")["state"] == "paid", seconds=60)
    attempts = fetch(
        system.postgres.dsn("payout"), f"SELECT id FROM attempts WHERE payout = '{payout}'"
    )
    assert len(attempts) == 1
    assert len(stage.transfers_of(str(attempts[0]["id"]))) == 1


def test_example_8_money_that_comes_back_is_the_creators_again_once(stage, lea):
    lea.put("/v1/payouts/payees/USD", {"destination": "acct_return_lea"})
    grant_diamonds(stage, lea, 2_000)
    quote = lea.post("/v1/payouts/quotes", {}).json()["quote"]

    payout = lea.post("/v1/payouts", {"quote": quote}).json()["payout"]

    eventually(lambda: lea.get(f"/v1/payouts/{payout}")["state"] == "returned", seconds=60)
    assert lea.get("/v1/earnings/me")["available_diamonds"] == 2_000


def test_example_9_a_limit_in_money_blocks_and_is_lowered_at_once(stage, lea):
    mira = stage.person("mira", country="US", age_verified=30)
    stage.buy(mira, "custom", coins=5_000)
    limit = "/v1/wallets/me/limits/day"
    mira.put(limit, {"unit": "USD", "amount": 2_000})
    assert stage.give(mira, lea.user, "g_whistle", count=18).status_code == 201

    refused = stage.give(mira, lea.user, "g_whistle", count=3)

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (403, "limit-exceeded")
    assert (problem["limit"], problem["spent"], problem["remaining"]) == (2_000, 1_800, 200)
    raised = mira.put(limit, {"unit": "USD", "amount": 9_000})
    assert stage.give(mira, lea.user, "g_whistle", count=3).status_code == 403
    (own,) = [each for each in raised["limits"] if each["set_by"] == "user"]
    assert (own["amount"], own["next_amount"]) == (2_000, 9_000)
    mira.put(limit, {"unit": "USD", "amount": 1_800})
    assert stage.give(mira, lea.user).status_code == 403
    assert mira.get("/v1/wallets/me/spending")["money"][0]["amount_minor"] == 1_800


def test_example_10_a_price_that_changed_is_told_before_anything_is_spent(stage, mira, lea):
    stage.buy(mira)

    answer = stage.give(mira, lea.user, "g_tea", expected_price_coins=4)

    assert (answer.status_code, answer.json()["code"]) == (409, "price-changed")
    assert answer.json()["price_coins"] == 5
    assert coins(mira) == 100


def test_example_11_the_ledgers_hold_nothing_that_would_have_to_be_erased(stage, mira, lea, system):
    words = f"words-{uuid4().hex}"
    stage.buy(mira)
    stage.give(mira, lea.user, message=words)
    eventually(lambda: diamonds(lea) == 1)

    for service, tables in (
        ("wallet", ("accounts", "entries", "postings", "outcomes", "lots", "slices")),
        ("payout", ("accounts", "entries", "postings", "outcomes", "earnings")),
        ("purchase", ("accounts", "entries", "postings", "outcomes")),
    ):
        for table in tables:
            query = f"SELECT count(*) AS n FROM {table} AS t WHERE t::text LIKE '%{words}%'"
            (found,) = fetch(system.postgres.dsn(service), query)
            assert found["n"] == 0, (service, table)
