"""A creator appeals against a rejection, and somebody else looks at it again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.payout.domain.payouts import Payout, State
from services.payout.domain.reviews import (
    AppealTooLate,
    Decision,
    Ground,
    NotRejected,
    Verdict,
    require_appealable,
)
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.payout.conftest import RULES, quote, request
from tests.payout.test_reviews import books_are_right, held, measure, path

__all__ = ["books_are_right", "held"]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHY = {"text": "The gifts are from my fans.\nAsk them."}


@pytest.fixture
def rejected(lea, held, reviewer):
    """A payout that ann rejected."""

    async def make():
        payout = await held()
        async with reviewer("ann") as ann:
            await ann.post(path(payout, "reject"), json={"reason": "stolen cards"})
        return payout

    return make


async def appeal(client, payout, **body):
    return await client.post(f"/v1/payouts/{payout['payout']}/appeal", json=body or WHY)


async def decide(operator, payout, decision):
    body = {"decision": decision, "reason": "asked the fans"}
    return await operator.post(path(payout, "appeal"), json=body)


async def test_an_appeal_is_made_once_and_said_to_somebody_who_decides(
    lea, rejected, reviewer, database
):
    payout = await rejected()
    first, again = await appeal(lea, payout), await appeal(lea, payout)
    other = await appeal(lea, payout, text="And another thing.")

    assert first.status_code == again.status_code == 200
    assert first.json()["appeal"]["text"] == WHY["text"]
    assert first.json()["appeal"]["decision"] is None
    assert (other.status_code, other.json()["code"]) == (409, "appealed-already")
    async with reviewer("ben") as ben:
        (waiting,) = (await ben.get("/v1/operator/payout-appeals")).json()["items"]
    assert (waiting["creator"], waiting["text"]) == ("lea", WHY["text"])
    (event,) = await announced(database, "payout.appealed")
    assert event["decide_by"] == waiting["decide_by"]
    assert WHY["text"] not in str(event)


async def test_who_rejected_a_payout_does_not_decide_about_the_appeal(
    lea, rejected, reviewer, database
):
    payout = await rejected()
    await appeal(lea, payout)
    async with reviewer("ann") as ann, reviewer("lea") as herself, reviewer("ben") as ben:
        refused = [await decide(each, payout, "overturn") for each in (ann, herself)]
        decided = await decide(ben, payout, "uphold")
        repeated = await decide(ben, payout, "uphold")
        late = await decide(ann, payout, "overturn")

    told = [(each.status_code, each.json()["code"]) for each in (*refused, late)]
    assert told == [(403, "decided-before"), (403, "own-money"), (403, "decided-before")]
    assert decided.json()["appeal"]["decision"] == "upheld"
    assert repeated.status_code == 200
    (event,) = await announced(database, "payout.appeal_decided")
    assert (event["overturned"], event["reason"]) == (False, "asked the fans")


async def test_after_an_overturned_rejection_the_same_money_can_be_requested_at_once(
    lea, rich, reviewer, database
):
    """The account was replaced, which alone was the reason; the person says that it is fine."""
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_before"})
    await rich(10_000)
    payout = (await request(lea, await quote(lea))).json()
    assert payout["state"] == "held"
    async with reviewer("ann") as ann, reviewer("ben") as ben:
        await ann.post(path(payout, "reject"), json={"reason": "not hers"})
        await appeal(lea, payout)
        overturned = (await decide(ben, payout, "overturn")).json()
    again = (await request(lea, await quote(lea))).json()

    assert overturned["state"] == "rejected"
    assert overturned["appeal"]["decision"] == "overturned"
    assert overturned["appeal"]["reason"] == "asked the fans"
    assert [step["reason"] for step in overturned["timeline"]][-2:] == [
        "appealed",
        "appeal-overturned",
    ]
    assert (again["state"], again["diamonds"]) == ("approved", payout["diamonds"])


async def test_two_people_at_once_decide_an_appeal_once(lea, rejected, reviewer, meanwhile):
    payout = await rejected()
    await appeal(lea, payout)
    async with reviewer("ben") as ben, reviewer("eve") as eve:
        both = (lambda: decide(ben, payout, "uphold"), lambda: decide(eve, payout, "overturn"))
        async with meanwhile(*both) as (tx, answers):
            await tx.execute(text("SELECT FROM payouts FOR UPDATE"))

    assert sorted(each.status_code for each in answers) == [200, 409]


async def test_what_was_not_rejected_or_is_another_creators_cannot_be_appealed(lea, held, rejected):
    payout = await held()
    early = await appeal(lea, payout)
    async with client_of(lea.app, a_token("tom", roles=["creator"])) as tom:
        others = await appeal(tom, payout)

    assert (early.status_code, early.json()["code"]) == (409, "not-rejected")
    assert (others.status_code, others.json()["code"]) == (404, "no-such-payout")


async def test_without_an_appeal_there_is_nothing_to_decide(rejected, reviewer):
    payout = await rejected()
    async with reviewer("ben") as ben:
        refused = await decide(ben, payout, "uphold")

    assert (refused.status_code, refused.json()["code"]) == (404, "no-such-appeal")


@pytest.mark.parametrize("text", ["", "x" * 2_001, "a\x00b", "a\x1bb"])
async def test_a_text_that_is_empty_too_long_or_odd_is_refused(lea, rejected, text):
    assert (await appeal(lea, await rejected(), text=text)).status_code == 422


async def test_an_appeal_that_waits_too_long_is_counted(lea, rejected, database):
    await appeal(lea, await rejected())
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payout_appeals SET decide_by = now() - interval '1 hour'"))

    assert (await measure(database))["appeal"] == 1


def a_payout(state=State.REJECTED):
    about = dict.fromkeys(Payout.__slots__)
    return Payout(**{**about, "state": state})


def a_rejection(at):
    return Decision("ann", 2, Verdict.REJECTED, "seen", Ground.TERMS, None, "seen", at)


def test_an_appeal_has_180_days():
    rejection = a_rejection(NOW)
    require_appealable(a_payout(), rejection, now=NOW + timedelta(days=180), rules=RULES)
    for days, rules in ((180.1, RULES), (31, replace(RULES, reviews=_month(RULES.reviews)))):
        with pytest.raises(AppealTooLate):
            require_appealable(a_payout(), rejection, now=NOW + timedelta(days=days), rules=rules)


def _month(reviews):
    return replace(reviews, appeal_days=30)


def test_what_ended_otherwise_is_not_appealed():
    with pytest.raises(NotRejected):
        require_appealable(a_payout(State.PAID), a_rejection(NOW), now=NOW, rules=RULES)
    with pytest.raises(NotRejected):
        require_appealable(a_payout(), None, now=NOW, rules=RULES)
