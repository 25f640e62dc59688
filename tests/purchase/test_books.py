"""Money of every payment leaves the books when it goes back, whatever it had bought."""

import pytest

from tests.purchase.pretend import a_webhook


def a_dispute(status, *, amount_minor=99, currency="USD", dispute="dp_9"):
    return {
        "id": dispute,
        "status": status,
        "reason": "duplicate",
        "amount_minor": amount_minor,
        "currency": currency,
    }


async def test_a_second_payment_that_is_refunded_by_hand_leaves_the_books(
    paid_twice, deliver, balances
):
    second = await paid_twice()
    assert (await balances())["unapplied_payments"] == -99

    second["refunded_minor"] = 99
    await deliver(*a_webhook(second, kind="refund.succeeded"))

    assert await balances() == {"provider_clearing": 99, "coin_sales": -99}


async def test_a_dispute_over_money_that_bought_nothing_leaves_the_books_and_comes_back_if_won(
    paid_twice, deliver, balances
):
    second = await paid_twice()
    before = await balances()
    for status in ("open", "lost"):
        second["disputes"] = [a_dispute(status)]
        await deliver(*a_webhook(second, kind="payment.disputed"))
        assert await balances() == {"provider_clearing": 99, "coin_sales": -99}

    second["disputes"] = [a_dispute("won")]
    await deliver(*a_webhook(second, kind="payment.dispute_closed"))

    assert await balances() == before


async def test_money_that_bought_nothing_and_goes_back_twice_is_lost_once(
    paid_twice, deliver, balances
):
    second = await paid_twice()
    second["refunded_minor"] = 99
    second["disputes"] = [a_dispute("lost")]
    await deliver(*a_webhook(second, kind="payment.disputed"))

    assert await balances() == {"coin_sales": -99, "dispute_loss": 99}


@pytest.mark.parametrize("wrong", [{"amount_minor": 98}, {"currency": "EUR"}])
async def test_money_of_a_mismatched_payment_leaves_the_books_when_it_is_refunded(
    bought, pretend, send_webhook, balances, wrong
):
    purchase = await bought()
    payment = pretend.become(purchase, "succeeded", **wrong)
    await send_webhook(purchase)
    payment["refunded_minor"] = payment["amount_minor"]

    await send_webhook(purchase, "refund.succeeded")

    assert await balances() == {}


async def test_the_providers_fees_follow_what_it_says(bought, pretend, send_webhook, balances):
    purchase = await bought()
    pretend.become(purchase, "succeeded", fee_minor=33)
    await send_webhook(purchase)
    pretend.payment_of(purchase)["fee_minor"] = 0

    await send_webhook(purchase, "payment.updated")

    assert await balances() == {"provider_clearing": 99, "coin_sales": -99}


async def test_a_refund_elsewhere_that_fails_comes_back_to_the_books(
    bought_in, pretend, send_webhook, balances, event_names
):
    purchase = await bought_in()
    for refunded in (499, 100, 0, 100):
        pretend.payment_of(purchase)["refunded_minor"] = refunded
        await send_webhook(purchase, "refund.updated")

    assert (await event_names())[:2] == ["disputed", "dispute_closed"]
    assert await balances() == {
        "provider_clearing": 399,
        "coin_sales": -499,
        "dispute_loss": 100,
    }


async def test_one_dispute_id_over_two_purchases_and_two_payments_is_four_disputes(
    *, bought, pay, pretend, deliver, send_webhook, balances, rows
):
    for key in ("a", "b"):
        purchase = await bought(key=key)
        await pay(purchase)
        pretend.dispute(purchase, "lost", dispute="dp_same")
        first = pretend.payment_of(purchase)
        second = pretend.make(reference=purchase, status="succeeded")
        second["disputes"] = [a_dispute("lost", dispute="dp_same", amount_minor=60)]
        for payment in (second, first, second):
            await deliver(*a_webhook(payment, kind="payment.disputed"))

    assert len(await rows("SELECT FROM disputes")) == 4
    assert await balances() == {
        "provider_clearing": 78,
        "coin_sales": -198,
        "unapplied_payments": -78,
        "dispute_loss": 198,
    }
