"""What fraud rules see of purchases and gifts in any order, and what they do to a payout."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from uuid import uuid4

import pytest

from services.payout.commands.fraud import read_facts_of_others
from services.payout.domain.fraud_rules import Mode, RuleName, income_of
from services.payout.main import build_http, read_fraud_rules
from services.payout.store import fraud as store
from shared.contracts.purchase import PurchasePaid, PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, Slice, lot_id
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.metrics import metric
from tests.payout.conftest import RULES, a_gift_sent

FRAUD = read_fraud_rules(Path("seeds/fraud.toml"))
CARD, OTHER_CARD = "a" * 32, "b" * 32


def long_ago():
    return datetime.now(UTC) - timedelta(days=400)


def a_purchase(viewer="mira", *, fingerprint=None, paid_at=None, **about):
    known = {
        "purchase": uuid4(),
        "package": "coins_5000",
        "coins": 100_000,
        "amount_minor": 100_000,
        "currency": "USD",
        "channel": "web",
        "provider": "sandbox",
        "payment": "pay_1",
    }
    return PurchasePaid(
        viewer=viewer,
        payment_fingerprint=fingerprint,
        paid_at=paid_at or long_ago(),
        **{**known, **about},
    )


def gift_of(purchase, coins=10_000, **about):
    """A gift that the coins of a purchase paid."""
    piece = Slice(
        lot=lot_id(purchase.purchase, LotKind.PAID),
        kind=LotKind.PAID,
        coins=coins,
        diamond_rate_bp=10_000,
    )
    return a_gift_sent(coins, viewer=purchase.viewer, slices=(piece,), **about)


async def income_read(database, creator, *, since=None, slices_max=100):
    """A creator's income as the rules see it, of viewers in whatever parts they are."""
    now = datetime.now(UTC)
    window = replace(FRAUD, window_days=1_000, slices_max=slices_max)
    others = await read_facts_of_others(database, creator, window, now=now)
    async with database.part_for(creator).transaction() as tx:
        slices = await store.newest_slices(
            tx, creator, since=since or long_ago(), slices_max=slices_max
        )
    return income_of(slices, others)


@pytest.fixture
def with_rules(database, provider):
    """Lea's client where fraud rules apply, all of them in one mode or as in the seeds."""

    def make(mode=None):
        rules = FRAUD
        if mode is not None:
            changed = {name: replace(each, mode=mode) for name, each in FRAUD.rules.items()}
            rules = replace(FRAUD, rules=changed)
        app = build_http(database, a_verifier(), {"sandbox": provider}, replace(RULES, fraud=rules))
        client = client_of(app, a_token("lea", roles=["creator"]))
        client.app = app
        return client

    return make


async def cash_out(client):
    await client.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
    quoted = (await client.post("/v1/payouts/quotes", json={})).json()
    headers = {"Idempotency-Key": uuid4().hex}
    asked = await client.post("/v1/payouts", json={"quote": quoted["quote"]}, headers=headers)
    return asked.json()


async def findings(client, payout, scopes=("payouts:review",)):
    token = a_token("ops", roles=["operator"], scopes=scopes)
    async with client_of(client.app, token) as operator:
        return await operator.get(f"/v1/operator/payouts/lea/{payout}/findings")


async def test_a_payout_of_two_viewers_money_waits_for_a_person(with_rules, hear):
    purchases = [a_purchase("a", fingerprint=CARD), a_purchase("b", fingerprint=OTHER_CARD)]
    await hear(*purchases, *(gift_of(each, 15_000) for each in purchases))

    async with with_rules() as lea:
        payout = await cash_out(lea)
        found = (await findings(lea, payout["payout"])).json()["items"]

    assert payout["state"] == "held"
    assert payout["timeline"][-1]["reason"] == "risk:concentration"
    (finding,) = found
    assert (finding["rule"], finding["mode"], finding["score_bp"]) == (
        "concentration",
        "enforced",
        10_000,
    )
    assert finding["named"] == ["a", "b"]
    assert finding["words"].startswith("100 % of 30,000 diamonds came from 2 accounts")


async def test_a_finding_in_shadow_is_kept_counted_and_published_and_stops_nothing(
    with_rules, hear, database
):
    labels = {"rule": "concentration", "mode": "shadow"}
    before = metric("ovation_fraud_findings_total", **labels)
    bought = a_purchase()
    await hear(bought, gift_of(bought, 30_000))

    async with with_rules(Mode.SHADOW) as lea:
        payout = await cash_out(lea)
        found = (await findings(lea, payout["payout"])).json()["items"]

    assert payout["state"] == "approved"
    assert [(each["rule"], each["mode"]) for each in found] == [("concentration", "shadow")]
    (told,) = await announced(database, "payout.risk_found")
    assert (told["payout"], told["rule"], told["mode"], told["accounts"]) == (
        payout["payout"],
        "concentration",
        "shadow",
        1,
    )
    assert "mira" not in str(told)
    assert metric("ovation_fraud_findings_total", **labels) == before + 1


async def test_the_income_of_many_fans_is_paid_at_once(with_rules, hear):
    purchases = [a_purchase(f"fan{number}") for number in range(6)]
    await hear(*purchases, *(gift_of(each) for each in purchases))

    async with with_rules() as lea:
        payout = await cash_out(lea)
        assert (await findings(lea, payout["payout"])).json()["items"] == []

    assert payout["state"] == "approved"


async def test_a_circle_is_found_over_three_creators(with_rules, hear):
    """Lea gave to ben, ben to cat, cat to Lea."""
    lea, ben, cat = (a_purchase(name, fingerprint=None) for name in ("lea", "ben", "cat"))
    await hear(
        *(lea, ben, cat),
        gift_of(lea, creator="ben"),
        gift_of(ben, creator="cat"),
        gift_of(cat, creator="lea"),
    )

    async with with_rules() as client:
        payout = await cash_out(client)
        found = (await findings(client, payout["payout"])).json()["items"]

    assert {each["rule"]: each["named"] for each in found}["circular-gifting"] == ["cat"]
    assert payout["timeline"][-1]["reason"] == "risk:circular-gifting"


async def test_a_second_account_with_the_creators_card_is_found(with_rules, hear):
    own = a_purchase("lea", fingerprint=CARD)
    second = a_purchase("second", fingerprint=CARD)
    await hear(own, second, gift_of(second, 5_000))

    async with with_rules() as client:
        payout = await cash_out(client)

    assert payout["timeline"][-1]["reason"] == "risk:self-gifting"


async def test_a_warned_payment_counts_until_it_is_over(with_rules, hear):
    bought = [
        a_purchase(f"fan{number}", paid_at=long_ago() + timedelta(days=number))
        for number in range(10)
    ]
    flagged = PurchaseRiskFlagged(
        purchase=bought[0].purchase, viewer="fan0", warning="efw", reason="early_fraud_warning"
    )
    await hear(*bought, *(gift_of(each) for each in bought), flagged)

    async with with_rules() as client:
        payout = await cash_out(client)
        (finding,) = (await findings(client, payout["payout"])).json()["items"]

    assert (finding["rule"], finding["diamonds"], finding["named"]) == (
        "taken-back",
        10_000,
        ["fan0"],
    )


async def test_facts_that_come_in_any_order_and_twice_are_the_same_income(database, hear):
    """Two purchases and a gift of the later one, in each order; the last time all of it again."""
    seen, first_paid_at = [], long_ago()
    for number, order in enumerate(permutations(range(3))):
        early, late = (
            a_purchase(
                f"fan{number}", fingerprint=card, paid_at=first_paid_at + timedelta(days=days)
            )
            for card, days in ((CARD, 0), (OTHER_CARD, 9))
        )
        creator = f"creator{number}"
        facts = [early, late, gift_of(late, creator=creator)]
        for place in order:
            await hear(facts[place])
        await hear(*facts)
        (income,) = await income_read(database, creator)
        seen.append((income.fingerprint, income.first_paid_at, income.diamonds))

    assert set(seen) == {(OTHER_CARD, first_paid_at, 10_000)}


async def test_gifts_before_the_window_are_not_looked_at(database, hear):
    await hear(a_gift_sent(1_000))
    later = datetime.now(UTC) + timedelta(seconds=1)

    assert await income_read(database, "lea", since=later) == []


async def test_no_more_than_the_newest_slices_are_read(database, hear):
    await hear(*(a_gift_sent(100 + number) for number in range(5)))

    (income,) = await income_read(database, "lea", slices_max=2)

    assert income.diamonds == 104 + 103


async def test_findings_are_for_reviewers(with_rules, hear):
    bought = a_purchase()
    await hear(bought, gift_of(bought, 30_000))

    async with with_rules() as client:
        payout = (await cash_out(client))["payout"]
        refused = await findings(client, payout, scopes=("books:read",))
        missing = await findings(client, uuid4())

    assert (refused.status_code, refused.json()["code"]) == (403, "scope-missing")
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-payout")


async def test_a_payout_asked_for_again_under_its_key_has_its_findings_once(
    with_rules, hear, database
):
    bought = a_purchase()
    await hear(bought, gift_of(bought, 30_000))

    async with with_rules() as client:
        await client.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
        quoted = (await client.post("/v1/payouts/quotes", json={})).json()
        for _ in range(2):
            asked = await client.post(
                "/v1/payouts",
                json={"quote": quoted["quote"]},
                headers={"Idempotency-Key": "same"},
            )
            assert asked.json()["state"] == "held"

    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT rule FROM fraud_findings"))
        assert [row.rule for row in rows] == [RuleName.CONCENTRATION]
