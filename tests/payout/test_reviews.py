"""
A person looks at a payout: why, who may, by when, and what its creator is told.

The faults of the money review that concern payouts stay fixed; each is shown by

* 3, an answer of the provider that is no refusal: `test_unknown_answers.py`;
* 4, quotes that are stacked against a maximum:
  `test_requests.py: test_a_day_has_a_maximum_however_many_quotes_were_asked_for`,
  `test_limits.py: test_two_requests_at_once_cannot_pass_the_limit_of_seven_days`;
* 5, a payout that is held and sent: `test_races.py: test_a_payout_is_held_or_sent_but_not_both`,
  and here `test_a_payout_under_review_has_no_attempt_until_the_last_person_agrees`;
* 7, an attempt that is submitted again: `test_races.py:
  test_an_attempt_that_is_settled_while_another_wants_to_submit_it_is_not_submitted`;
* 14, contradictions of the provider: `test_contradictions.py`;
* 15, what is owed after a new rate: `test_valuations.py`, and in another currency
  `test_exchange.py: test_the_books_keep_both_currencies_at_the_rate_of_the_quote`;
* 20, an operator who decides about their own payout: here
  `test_nobody_decides_about_their_own_payout_however_the_name_is_spelt`.
"""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.payout.commands.metrics import report
from services.payout.domain.fraud_rules import Finding, Mode, RuleName
from services.payout.domain.payees import Payee
from services.payout.domain.reviews import Risks, reasons_for, words_of
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.payout.books import violations
from tests.payout.conftest import RULES, a_gift_sent, quote, request
from tests.payout.test_following import diamonds_of
from tests.payout.test_maturity import reversal

NONE = Risks(flagged_lots=0, reversed_coins=0)


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
def held(lea, rich):
    """A payout that is under review because it is large."""

    async def make(diamonds=120_000):
        await rich()
        return (await request(lea, await quote(lea, diamonds=diamonds))).json()

    return make


def path(payout, verb):
    return f"/v1/operator/payouts/lea/{payout['payout']}/{verb}"


async def seen(client, payout):
    return (await client.get(f"/v1/payouts/{payout['payout']}")).json()


async def test_a_large_payout_is_reviewed_and_its_creator_learns_why(lea, held, database):
    payout = await held()

    assert payout["state"] == "held"
    review = (await seen(lea, payout))["review"]
    assert [each["code"] for each in review["reasons"]] == ["large-amount"]
    assert "person" in review["reasons"][0]["words"]
    (event,) = await announced(database, "payout.held")
    assert (event["reason"], event["reasons"]) == ("large-amount", ["large-amount"])
    assert event["decide_by"] == review["decide_by"]


async def test_all_reasons_are_said_at_once(lea, held, database, reviewer):
    """Replaced account, and large."""
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_before"})
    payout = await held()

    codes = [each["code"] for each in payout["review"]["reasons"]]
    assert codes == ["payee-changed", "large-amount"]
    async with reviewer() as ann:
        (listed,) = (await ann.get("/v1/operator/payouts")).json()["items"]
    assert [each["code"] for each in listed["reasons"]] == codes
    assert (listed["reason"], listed["approvals_needed"]) == ("payee-changed", 1)
    assert listed["reasons"][0]["words"] != payout["review"]["reasons"][0]["words"]


@pytest.mark.parametrize(("diamonds", "state"), [(100_000, "approved"), (100_002, "held")])
async def test_up_to_the_amount_a_payout_goes_by_rule(held, diamonds, state):
    assert (await held(diamonds))["state"] == state


async def warn(database, lot, *, days_ago):
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(
            text("""
                INSERT INTO fraud_warnings (lot, flagged_at, until)
                VALUES (:lot, now() - CAST(:ago AS interval), now())
            """),
            {"lot": lot, "ago": timedelta(days=days_ago)},
        )


@pytest.mark.parametrize(("days_ago", "state"), [(1, "held"), (29, "held"), (31, "approved")])
async def test_a_fraud_warning_about_diamonds_that_have_matured_is_a_reason(
    lea, hear, cash_out, database, days_ago, state
):
    gift = a_gift_sent(1_000)
    await hear(gift)
    await warn(database, gift.slices[0].lot, days_ago=days_ago)

    payout = await seen(lea, {"payout": await cash_out()})

    assert payout["state"] == state
    if state == "held":
        assert [each["code"] for each in payout["review"]["reasons"]] == ["fraud-warning"]


async def test_a_warning_about_diamonds_that_were_taken_back_or_are_another_creators_is_none(
    lea, hear, cash_out, database
):
    taken, others = a_gift_sent(1_000), a_gift_sent(1_000, creator="tom")
    await hear(taken, others, reversal(taken, 1, 1_000))
    for gift in (taken, others):
        await warn(database, gift.slices[0].lot, days_ago=1)

    assert (await seen(lea, {"payout": await cash_out()}))["state"] == "approved"


@pytest.mark.parametrize(("coins", "state"), [(4_999, "approved"), (5_000, "held")])
async def test_many_coins_that_were_reversed_lately_are_a_reason(lea, hear, cash_out, coins, state):
    gift = a_gift_sent(6_000)
    await hear(gift, reversal(gift, 1, coins))

    payout = await seen(lea, {"payout": await cash_out()})

    assert payout["state"] == state
    if state == "held":
        assert [each["code"] for each in payout["review"]["reasons"]] == ["reversed-gifts"]


async def test_a_payout_under_review_has_no_attempt_until_the_last_person_agrees(
    lea, held, database, reviewer, work
):
    """$800: two people. The first approval changes nothing but the record."""
    payout = await held(160_000)
    async with reviewer("ann") as ann, reviewer("ben") as ben:
        first = await ann.post(path(payout, "approve"), json={"reason": "fine"})
        again = await ann.post(path(payout, "approve"), json={"reason": "fine"})
        changed = await ann.post(path(payout, "reject"), json={"reason": "after all"})
        await work()
        (listed,) = (await ben.get("/v1/operator/payouts")).json()["items"]
        async with database.transaction() as tx:
            assert (await tx.execute(text("SELECT count(*) FROM attempts"))).scalar_one() == 0
        second = await ben.post(path(payout, "approve"), json={"reason": "fine"})

    assert [each.json()["state"] for each in (first, again, second)] == ["held", "held", "approved"]
    assert (changed.status_code, changed.json()["code"]) == (403, "decided-before")
    assert (listed["approved_by"], listed["approvals_needed"]) == (["ann"], 2)
    (approved,) = await announced(database, "payout.approved")
    assert approved["approved_by"] == "ben"


async def test_one_person_is_enough_to_reject_a_payout_that_two_have_to_approve(
    lea, held, reviewer
):
    payout = await held(160_000)
    async with reviewer("ann") as ann, reviewer("ben") as ben:
        await ann.post(path(payout, "approve"), json={"reason": "fine"})
        rejected = await ben.post(path(payout, "reject"), json={"reason": "stolen cards"})

    assert rejected.json()["state"] == "rejected"
    assert await diamonds_of(lea) == (700_000, 0)


async def test_two_reviewers_at_once_are_two_approvals(lea, held, reviewer, meanwhile):
    payout = await held(160_000)
    async with reviewer("ann") as ann, reviewer("ben") as ben:

        def approve(operator):
            return lambda: operator.post(path(payout, "approve"), json={"reason": "fine"})

        async with meanwhile(approve(ann), approve(ben)) as (tx, answers):
            await tx.execute(text("SELECT FROM accounts WHERE user_id = 'lea' FOR UPDATE"))

    assert sorted(each.json()["state"] for each in answers) == ["approved", "held"]


async def test_the_same_reviewer_twice_at_once_is_one_approval(lea, held, reviewer, meanwhile):
    payout = await held(160_000)
    async with reviewer("ann") as ann:

        def approve():
            return ann.post(path(payout, "approve"), json={"reason": "fine"})

        async with meanwhile(approve, approve) as (tx, answers):
            await tx.execute(text("SELECT FROM accounts WHERE user_id = 'lea' FOR UPDATE"))

    assert [each.json()["state"] for each in answers] == ["held", "held"]


@pytest.mark.parametrize("name", ["lea", "LEA", " lea", "l\u00adea"])
async def test_nobody_decides_about_their_own_payout_however_the_name_is_spelt(
    held, reviewer, name
):
    payout = await held()
    async with reviewer(name) as operator:
        refused = await operator.post(path(payout, "approve"), json={"reason": "mine"})

    # An identity provider cannot call somebody so who has spaces around the name.
    told = (refused.status_code, refused.json()["code"])
    assert told in [(403, "own-money"), (401, "unauthenticated")]


async def test_whoever_decided_before_does_not_decide_about_the_same_payout_again(
    lea, hear, cash_out, reviewer
):
    """It was approved, and money behind it was taken back before it was sent."""
    gift = a_gift_sent(1_000)
    await hear(gift)
    lea.app.state.rules = replace(RULES, first_payout_review=True)
    payout = {"payout": await cash_out()}
    async with reviewer("ann") as ann, reviewer("ben") as ben:
        await ann.post(path(payout, "approve"), json={"reason": "fine"})
        await hear(reversal(gift, 1, 1_000))
        again = await seen(lea, payout)
        refused = await ann.post(path(payout, "approve"), json={"reason": "fine"})
        decided = await ben.post(path(payout, "approve"), json={"reason": "fine"})

    assert [each["code"] for each in again["review"]["reasons"]] == ["clawback"]
    assert (refused.status_code, refused.json()["code"]) == (403, "decided-before")
    assert decided.json()["state"] == "approved"


async def test_a_rejection_has_a_statement_of_reasons(lea, held, database, reviewer):
    payout = await held()
    said = {
        "reason": "stolen cards",
        "ground": "law",
        "clause": "Section 263a StGB",
        "facts": "Two of the cards\nwere reported stolen.",
    }
    async with reviewer("ann") as ann:
        rejected = (await ann.post(path(payout, "reject"), json=said)).json()

    statement = (await seen(lea, payout))["statement"]
    assert statement == rejected["statement"]
    assert {name: statement[name] for name in ("ground", "clause", "facts")} == {
        name: said[name] for name in ("ground", "clause", "facts")
    }
    assert (statement["found_by_rules"], statement["decided_by_machine"]) == (True, False)
    assert [each["code"] for each in statement["reasons"]] == ["large-amount"]
    assert "ann" not in str(statement)
    decided, until = (
        datetime.fromisoformat(statement[name]) for name in ("decided_at", "appeal_until")
    )
    assert until - decided == timedelta(days=180)
    (event,) = await announced(database, "payout.rejected")
    assert (event["ground"], event["facts"]) == ("law", said["facts"])
    assert event["is_automated"] is False
    assert event["appeal_until"] == statement["appeal_until"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"facts": "x" * 2_001},
        {"facts": "a\x00b"},
        {"clause": "x" * 65},
        {"clause": "two\nlines"},
        {"ground": "mood"},
        {"more": 1},
    ],
)
async def test_a_statement_that_is_too_long_or_odd_is_refused(held, reviewer, wrong):
    payout = await held()
    async with reviewer("ann") as ann:
        refused = await ann.post(path(payout, "reject"), json={"reason": "seen", **wrong})

    assert refused.status_code == 422


def overdue():
    name = "ovation_payout_decisions_overdue"
    return {
        deadline: REGISTRY.get_sample_value(name, {"deadline": deadline})
        for deadline in ("due", "promised", "appeal")
    }


async def measure(database):
    await report(database)
    return overdue()


async def open_again(database, **ago):
    """Let the payout have gone under review so long ago, with another version."""
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payouts SET version = version + 1"))
        await tx.execute(
            text("""
                INSERT INTO payout_reviews
                SELECT creator, id, version, '{large-amount}', now() - CAST(:ago AS interval),
                       now() - CAST(:ago AS interval) + interval '7 days',
                       now() - CAST(:ago AS interval) + interval '15 days'
                FROM payouts
            """),
            {"ago": timedelta(**ago)},
        )


async def test_a_review_that_waits_too_long_is_counted_until_somebody_decides(
    held, reviewer, database
):
    payout = await held()
    assert await measure(database) == {"due": 0, "promised": 0, "appeal": 0}
    await open_again(database, days=8)
    assert await measure(database) == {"due": 1, "promised": 0, "appeal": 0}
    await open_again(database, days=16)
    assert await measure(database) == {"due": 1, "promised": 1, "appeal": 0}

    async with reviewer("ann") as ann:
        await ann.post(path(payout, "approve"), json={"reason": "fine"})

    assert await measure(database) == {"due": 0, "promised": 0, "appeal": 0}


@pytest.mark.parametrize(
    ("opened", "zone", "due"),
    [
        # A Friday, the night before a weekend, a Sunday, and a week with a change of the clock.
        ("2026-11-20T09:00:00+00:00", "UTC", "2026-11-27T09:00:00+00:00"),
        ("2026-11-22T09:00:00+00:00", "UTC", "2026-11-27T09:00:00+00:00"),
        ("2026-11-20T23:30:00+00:00", "Europe/Berlin", "2026-11-26T23:30:00+00:00"),
        ("2026-10-23T10:00:00+00:00", "Europe/Berlin", "2026-10-30T11:00:00+00:00"),
    ],
)
def test_a_decision_is_due_after_five_working_days(opened, zone, due):
    found = RULES.reviews.decide_by(datetime.fromisoformat(opened), zone)

    assert found.astimezone(UTC) == datetime.fromisoformat(due)


def test_fraud_rules_that_found_something_are_reasons_with_words_for_both():
    known = {field.name: None for field in fields(Payee)}
    payee = Payee(**{**known, "revision": 1, "unreviewed": False})
    enforced = [a_finding(RuleName.TAKEN_BACK), a_finding(RuleName.CONCENTRATION)]
    found = reasons_for(payee, 1_000, NONE, findings=enforced, rules=RULES)
    shadow = a_finding(RuleName.TAKEN_BACK, Mode.SHADOW)

    assert found == ("risk:concentration", "risk:taken-back")
    assert "taken-back" not in words_of(found[1]).creator
    assert "taken-back" in words_of(found[1]).operator
    assert reasons_for(payee, 1_000, NONE, findings=[shadow], rules=RULES) == ()


def a_finding(rule, mode=Mode.ENFORCED):
    known = dict.fromkeys(field.name for field in fields(Finding))
    return Finding(**{**known, "rule": rule, "mode": mode})
