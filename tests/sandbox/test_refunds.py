"""Refunds and disputes of payments."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

PENDING_REFUND_CARD = "4000 0000 0000 7726"


async def test_refunds_add_up_to_what_was_paid_and_no_further(paid, refund, read):
    payment = await paid(amount_minor=499)

    first = await refund(payment, 300, "refund-1")
    too_much = await refund(payment, 200, "refund-2")
    rest = await refund(payment, 199, "refund-3")

    assert (first.status_code, rest.status_code) == (201, 201)
    assert (too_much.status_code, too_much.json()["code"]) == (422, "refund-too-large")
    assert too_much.json()["refundable_minor"] == 199
    assert (await read(payment))["refunded_minor"] == 499


async def test_a_refund_asked_for_twice_is_made_once(paid, refund, read, delivered):
    payment = await paid()

    first, again = await refund(payment, 100), await refund(payment, 100)
    other = await refund(payment, 101)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (await read(payment))["refunded_minor"] == 100
    events = await delivered(2)
    assert [event["type"] for event in events] == ["payment.succeeded", "refund.succeeded"]
    assert events[1]["data"]["object"] == first.json()


@pytest.mark.parametrize(
    ("named", "called"), [({"reference": "of-mira"}, "of-mira"), ({}, "key-1")]
)
async def test_a_refund_is_found_in_its_payment_by_what_the_shop_calls_it_or_its_key(
    paid, shop, read, named, called
):
    payment = await paid()

    await shop.post(
        f"/payments/{payment['id']}/refunds",
        json={"amount_minor": 100, **named},
        headers={"Idempotency-Key": "key-1"},
    )

    (refund,) = (await read(payment))["refunds"]
    assert (refund["refund_reference"], refund["status"]) == (called, "succeeded")
    assert refund["reference"] == payment["reference"]


async def test_a_refund_may_take_its_time_and_its_money_is_not_offered_twice(
    *, asked, pay, refund, read, close_refund
):
    payment = await asked()
    await pay(payment, PENDING_REFUND_CARD)

    first = (await refund(payment, 499)).json()
    second = await refund(payment, 1, "refund-2")

    assert (first["status"], (await read(payment))["refunded_minor"]) == ("pending", 0)
    assert (second.status_code, second.json()["refundable_minor"]) == (422, 0)
    await close_refund(first["id"], succeeded=True)
    assert (await read(payment))["refunded_minor"] == 499


async def test_a_refund_that_was_made_may_fail_later_and_for_good(
    *, paid, refund, read, delivered, close_refund
):
    payment = await paid()
    made = (await refund(payment, 499)).json()

    for _ in range(2):
        assert (await close_refund(made["id"], succeeded=False)).json()["status"] == "failed"

    assert (await close_refund(made["id"], succeeded=True)).json()["code"] == "refund-decided"
    assert (await close_refund("re_0", succeeded=True)).status_code == 404
    assert (await read(payment))["refunded_minor"] == 0
    events = await delivered(3)
    assert [event["type"] for event in events][1:] == ["refund.succeeded", "refund.failed"]


async def test_every_change_of_a_payment_is_counted(paid, refund, dispute, close, read):
    payment = await paid()
    seen = [payment["sequence"], (await read(payment))["sequence"]]
    await refund(payment, 1)
    seen.append((await read(payment))["sequence"])
    opened = (await dispute(payment)).json()
    seen.append((await read(payment))["sequence"])
    await close(opened["id"], won=True)
    seen.append((await read(payment))["sequence"])

    assert seen == sorted(set(seen))
    assert (await read(payment))["sequence"] == seen[-1]


async def test_what_was_not_paid_cannot_be_refunded(asked, refund):
    answer = await refund(await asked(), 1)

    assert (answer.status_code, answer.json()["code"]) == (422, "refund-too-large")
    assert answer.json()["refundable_minor"] == 0


async def test_a_dispute_is_shown_with_its_payment(paid, dispute, read, delivered):
    payment = await paid()

    opened = (await dispute(payment, amount_minor=200, reason="not_received")).json()

    assert (opened["status"], opened["amount_minor"]) == ("open", 200)
    assert (await read(payment))["disputes"] == [opened]
    events = await delivered(2)
    assert events[1]["type"] == "payment.disputed"
    assert events[1]["data"]["object"] == await read(payment)


async def test_a_dispute_has_a_deadline_until_its_evidence_is_handed_in(
    paid, dispute, close, read, shop, delivered, receiver
):
    payment = await paid()
    opened = (await dispute(payment)).json()
    left = datetime.fromisoformat(opened["evidence_due_at"]) - datetime.now(UTC)
    assert timedelta(days=6) < left < timedelta(days=8)

    for _ in range(2):
        handed_in = await shop.post(f"/disputes/{opened['id']}/evidence")
    assert (handed_in.status_code, handed_in.json()["evidence_submitted"]) == (200, True)
    assert (await read(payment))["disputes"] == [handed_in.json()]
    await delivered(3)
    assert receiver.types.count("payment.dispute_updated") == 1

    await close(opened["id"], won=True)
    late = await shop.post(f"/disputes/{opened['id']}/evidence")
    assert (late.status_code, late.json()["code"]) == (409, "dispute-decided")
    assert (await shop.post("/disputes/dp_none/evidence")).status_code == 404


async def test_only_what_was_paid_can_be_disputed(asked, paid, dispute, read):
    open_payment = await asked("open", reference="open")
    paid_payment = await paid(key="paid", amount_minor=499)

    for refused in (await dispute(open_payment), await dispute(paid_payment, amount_minor=500)):
        assert (refused.status_code, refused.json()["code"]) == (422, "not-disputable")

    assert (await read(paid_payment))["disputes"] == []


@pytest.mark.parametrize(("won", "decision"), [(True, "won"), (False, "lost")])
async def test_the_bank_decides_a_dispute_once(
    paid, dispute, close, delivered, receiver, won, decision
):
    opened = (await dispute(await paid())).json()["id"]

    decided, again = await close(opened, won=won), await close(opened, won=won)
    otherwise = await close(opened, won=not won)

    assert decided.json()["status"] == again.json()["status"] == decision
    assert (otherwise.status_code, otherwise.json()["code"]) == (409, "dispute-decided")
    events = await delivered(3)
    await asyncio.sleep(0.05)
    assert receiver.types.count("payment.dispute_closed") == 1
    assert events[2]["data"]["object"]["disputes"][0]["status"] == decision


async def test_an_unknown_dispute_cannot_be_closed(close):
    answer = await close("dp_none", won=True)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
