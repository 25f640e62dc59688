"""The provider tells us things: truly and falsely, twice, out of order, and too late."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.deliveries import announced
from tests.purchase.pretend import a_webhook, signed

OTHER_SECRET = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiAzMiBieXRlcw=="


async def names(database):
    return [fact["name"] for fact in await announced(database)]


async def test_a_payment_is_announced_once_with_all_that_was_bought(
    bought, pay, read, database, pretend
):
    purchase = await bought("coins_500", claims={"country": "DE"})

    answer = await pay(purchase)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (paid,) = await announced(database)
    payment = pretend.payment_of(purchase)
    assert datetime.fromisoformat(paid.pop("paid_at")) == datetime.fromisoformat(payment["paid_at"])
    assert paid == {
        "name": "purchase.paid",
        "purchase": purchase,
        "viewer": "mira",
        "package": "coins_500",
        "coins": 500,
        "bonus_coins": 25,
        "amount_minor": 499,
        "currency": "USD",
        "channel": "web",
        "country": "DE",
        "provider": "sandbox",
        "payment": payment["id"],
        "late": False,
        "tax_country": None,
        "tax_rate_bp": None,
        "tax_minor": 0,
        "net_minor": 499,
        "promo_coins": 0,
        "promo_expires_at": None,
        "campaign": None,
        "payment_fingerprint": None,
    }
    assert (await read(purchase))["state"] == "paid"


async def test_facts_carry_the_request_that_began_it_and_count_up(bought, pay, credit, rows):
    purchase = await bought()
    await pay(purchase)
    await credit(purchase)

    bodies = [json.loads(row["body"]) for row in await rows("SELECT body FROM outbox ORDER BY id")]
    ((stored,),) = [row.values() for row in await rows("SELECT correlation_id FROM purchases")]
    assert [int(body["sequence"]) for body in bodies] == [1, 2]
    assert bodies[0]["correlationid"] == stored
    assert bodies[1]["causationid"]


async def test_a_replayed_webhook_is_taken_and_changes_nothing(bought, pretend, deliver, database):
    purchase = await bought()
    webhook = a_webhook(pretend.become(purchase, "succeeded"))

    first, second = await deliver(*webhook), await deliver(*webhook)

    assert (first.status_code, second.status_code) == (200, 200)
    assert await names(database) == ["purchase.paid"]


async def test_one_webhook_at_the_same_time_and_others_of_the_same_payment_pay_once(
    bought, pretend, deliver, database
):
    purchase = await bought()
    payment = pretend.become(purchase, "succeeded")
    webhooks = [a_webhook(payment, webhook_id=f"msg_{number % 4}") for number in range(8)]

    answers = await asyncio.gather(*[deliver(*webhook) for webhook in webhooks])

    assert {answer.status_code for answer in answers} == {200}
    assert await names(database) == ["purchase.paid"]


async def test_a_webhook_is_only_a_hint_and_the_provider_is_asked(
    bought, pretend, deliver, read, database
):
    """Signed or not: what a webhook says about money is never believed."""
    purchase = await bought()
    lie = {**pretend.payment_of(purchase), "status": "succeeded"}

    answer = await deliver(*a_webhook(lie))

    assert answer.status_code == 200
    assert (await read(purchase))["state"] == "pending"
    assert await names(database) == []


FORGERIES = [
    lambda payment: a_webhook(payment, secret=OTHER_SECRET),
    lambda payment: a_webhook(payment, at=datetime.now(UTC) - timedelta(minutes=6)),
    lambda payment: a_webhook(payment, at=datetime.now(UTC) + timedelta(minutes=6)),
    lambda payment: (a_webhook(payment)[0], b'{"type": "payment.succeeded"}'),
    lambda payment: ({}, a_webhook(payment)[1]),
    lambda payment: ({**a_webhook(payment)[0], "webhook-id": "msg_other"}, b"{}"),
    lambda payment: ({**a_webhook(payment)[0], "webhook-signature": "v1"}, b"{}"),
    lambda payment: ({**a_webhook(payment)[0], "webhook-signature": "v1,!"}, b"{}"),
    lambda payment: ({**a_webhook(payment)[0], "webhook-timestamp": "nan"}, b"{}"),
    lambda payment: (a_webhook(payment)[0], b"\xff\xfe"),
    lambda _: signed("{}", webhook_id="m" * 129),
]


async def test_a_webhook_that_the_provider_did_not_sign_is_refused_and_not_kept(
    bought, pretend, deliver, rows, subtests
):
    payment = pretend.become(await bought(), "succeeded")

    for number, forged in enumerate(FORGERIES):
        with subtests.test(number=number):
            answer = await deliver(*forged(payment))
            assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")

    assert await rows("SELECT 1 FROM webhook_events") == []


async def test_a_provider_we_do_not_know_has_nothing_to_tell(bought, pretend, deliver):
    purchase = await bought()

    answer = await deliver(*a_webhook(pretend.payment_of(purchase)), name="stripe")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-provider")


@pytest.mark.parametrize("body", ["not json", "[]", "{}", '{"type": "x", "data": {"object": 7}}',
    '{"type": "x", "data": {"object": {"id": {"$ne": 1}, "reference": null}}}'])  # fmt: skip
async def test_a_signed_webhook_about_nothing_is_kept_for_people(deliver, rows, wait, body):
    answer = await deliver(*signed(body))
    await wait()

    assert answer.status_code == 200
    (kept,) = await rows("SELECT payment, purchase, applied_at, next_check_at FROM webhook_events")
    assert set(kept.values()) == {None}


async def test_an_unmatched_webhook_is_kept_and_tried_again(
    *, deliver, pretend, bought, wait, rows, database
):
    """It came before its purchase was there: after a restore from backup, say."""
    elsewhere = await bought(viewer="otto", key="k")
    stranger = pretend.become(elsewhere, "succeeded")
    await deliver(*a_webhook({**stranger, "reference": str(uuid4())}, webhook_id="msg_1"))
    assert await names(database) == []

    await wait()
    (kept,) = await rows("SELECT checks, applied_at, purchase FROM webhook_events")
    assert kept == {"checks": 1, "applied_at": None, "purchase": None}


async def test_a_webhook_of_a_payment_that_belongs_to_another_purchase_settles_neither(
    deliver, pretend, bought, database, read
):
    paid, other = await bought(key="a"), await bought(key="b")
    payment = pretend.become(paid, "succeeded")

    await deliver(*a_webhook({**payment, "reference": other}))

    assert await names(database) == []
    assert (await read(other))["state"] == "pending"


@pytest.mark.parametrize("mood", ["silent", "broken", "babbling", "forgetful"])
async def test_a_webhook_while_the_provider_cannot_be_asked_is_stored_and_applied_later(
    *, bought, pretend, send_webhook, wait, database, rows, mood
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")
    pretend.mood = mood

    answer = await send_webhook(purchase)
    assert (answer.status_code, await names(database)) == (200, [])

    pretend.mood = "well"
    await wait()
    assert await names(database) == ["purchase.paid"]
    (kept,) = await rows("SELECT applied_at IS NOT NULL AS applied FROM webhook_events")
    assert kept == {"applied": True}


async def test_a_webhook_before_our_own_answer_pays_all_the_same(
    bought, pretend, send_webhook, read, database
):
    """The provider made the payment, its answer was lost, and the viewer paid by other ways."""
    pretend.mood = "forgetful"
    purchase = await bought()
    pretend.mood = "well"

    pretend.become(purchase, "succeeded")
    await send_webhook(purchase)

    assert await names(database) == ["purchase.paid"]
    assert (await read(purchase))["state"] == "paid"


@pytest.mark.parametrize("wrong", [{"amount_minor": 98}, {"currency": "EUR"}])
async def test_a_wrong_amount_or_currency_credits_nothing(
    *, bought, pretend, send_webhook, wait, database, read, rows, wrong
):
    purchase = await bought()
    pretend.become(purchase, "succeeded", **wrong)

    await send_webhook(purchase)
    await send_webhook(purchase)
    await wait()

    assert (await names(database), (await read(purchase))["state"]) == ([], "mismatched")
    assert await rows("SELECT allocation FROM payments") == [{"allocation": "mismatched"}]


async def test_a_second_payment_for_one_purchase_is_recorded_and_not_credited(
    *, bought, pay, pretend, deliver, database, rows
):
    purchase = await bought()
    await pay(purchase)
    second = pretend.make(reference=purchase, status="succeeded")

    await deliver(*a_webhook(second))
    await deliver(*a_webhook(second))

    assert await names(database) == ["purchase.paid"]
    assert await rows("SELECT payment, allocation FROM payments WHERE allocation <> 'applied'") == [
        {"payment": second["id"], "allocation": "overpayment"}
    ]


async def test_a_second_open_payment_of_a_paid_purchase_is_cancelled(bought, pay, pretend, deliver):
    purchase = await bought()
    await pay(purchase)
    second = pretend.make(reference=purchase)

    await deliver(*a_webhook(second, kind="payment.processing"))

    assert second["status"] == "cancelled"


DISPUTED_AND_LOST = ["purchase.paid", "purchase.disputed", "purchase.dispute_closed"]


async def test_a_dispute_is_announced_when_opened_and_when_closed_once_each(
    *, bought, pay, pretend, send_webhook, database, rows
):
    purchase = await bought()
    await pay(purchase)
    for status in ("open", "lost"):
        pretend.dispute(purchase, status)
        await send_webhook(purchase, "payment.disputed")
        await send_webhook(purchase, "payment.disputed")

    assert await names(database) == DISPUTED_AND_LOST
    _, disputed, closed = await announced(database)
    assert disputed == {
        "name": "purchase.disputed",
        "purchase": purchase,
        "viewer": "mira",
        "dispute": "dp_1",
        "revision": 1,
        "amount_minor": 99,
        "currency": "USD",
        "reason": "fraudulent",
        "evidence_due_at": None,
    }
    assert (closed["revision"], closed["won"]) == (2, False)
    assert await rows("SELECT state, revision FROM disputes") == [{"state": "lost", "revision": 2}]


@pytest.mark.parametrize(
    "kinds",
    [("payment.succeeded", "payment.disputed"), ("payment.disputed", "payment.succeeded")],
)
async def test_paid_and_disputed_are_announced_in_their_order_whichever_is_heard_first(
    bought, pretend, send_webhook, database, kinds
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")
    pretend.dispute(purchase)

    for kind in kinds:
        await send_webhook(purchase, kind)

    assert await names(database) == DISPUTED_AND_LOST[:2]


async def test_a_dispute_heard_of_only_when_won_is_opened_and_closed(
    bought, pay, pretend, send_webhook, database
):
    purchase = await bought()
    await pay(purchase)
    pretend.dispute(purchase, "won")

    await send_webhook(purchase, "payment.dispute_closed")

    assert await names(database) == DISPUTED_AND_LOST
    assert (await announced(database))[-1]["won"] is True


async def test_two_disputes_are_two(bought, pay, pretend, send_webhook, database):
    purchase = await bought()
    await pay(purchase)
    pretend.dispute(purchase, dispute="dp_1")
    pretend.dispute(purchase, dispute="dp_2")

    await send_webhook(purchase, "payment.disputed")

    assert await names(database) == ["purchase.paid", "purchase.disputed", "purchase.disputed"]
