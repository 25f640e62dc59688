"""What a provider pays out in another currency than the viewer paid in is exact in the books."""

import pytest

from tests.purchase.pretend import a_webhook


@pytest.fixture
def accounts(rows):
    """What each account holds, by its name and currency."""

    async def read():
        found = await rows(
            "SELECT account, asset, sum(amount)::integer AS n FROM postings GROUP BY account, asset"
        )
        return {
            f"{each['account'].removeprefix('@')} {each['asset']}": each["n"]
            for each in found
            if each["n"]
        }

    return read


def a_settlement(currency, balance_minor, fee_minor):
    return {"currency": currency, "balance_minor": balance_minor, "fee_minor": fee_minor}


async def test_a_payment_in_another_currency_is_held_in_the_currency_that_is_paid_out(
    bought, pretend, pay, accounts
):
    purchase = await bought()
    pretend.payment_of(purchase)["settlements"] = [a_settlement("EUR", 57, 33)]
    await pay(purchase)

    assert await accounts() == {
        "coin_sales USD": -99,
        "exchange USD": 99,
        "exchange EUR": -90,
        "provider_clearing EUR": 57,
        "provider_fees EUR": 33,
    }


async def test_a_settlement_that_is_known_later_is_booked_then(
    bought, pretend, pay, deliver, accounts
):
    purchase = await bought()
    await pay(purchase)
    assert await accounts() == {"coin_sales USD": -99, "provider_clearing USD": 99}

    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("USD", 66, 33)]
    await deliver(*a_webhook(payment, kind="charge.updated"))

    assert await accounts() == {
        "coin_sales USD": -99,
        "provider_clearing USD": 66,
        "provider_fees USD": 33,
    }


async def test_a_dispute_with_a_fee_leaves_the_balance_that_the_provider_says(
    bought, pretend, pay, deliver, accounts
):
    purchase = await bought()
    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("EUR", 57, 33)]
    await pay(purchase)
    pretend.dispute(purchase, "lost")
    payment["settlements"] = [a_settlement("EUR", -1_533, 1_533)]
    await deliver(*a_webhook(payment, kind="payment.disputed"))

    assert await accounts() == {
        "coin_sales USD": -99,
        "dispute_loss USD": 99,
        "provider_clearing EUR": -1_533,
        "provider_fees EUR": 1_533,
    }


async def test_an_exchange_that_brings_a_loss_is_seen_in_the_exchange_account(
    bought, pretend, pay, deliver, accounts
):
    purchase = await bought()
    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("EUR", 90, 0)]
    await pay(purchase)
    pretend.dispute(purchase, "lost")
    payment["settlements"] = [a_settlement("EUR", -2, 0)]
    await deliver(*a_webhook(payment, kind="payment.disputed"))

    assert await accounts() == {
        "coin_sales USD": -99,
        "dispute_loss USD": 99,
        "exchange EUR": 2,
        "provider_clearing EUR": -2,
    }


async def test_a_provider_that_changes_the_currency_it_pays_out_has_one_balance(
    bought, pretend, pay, deliver, accounts
):
    purchase = await bought()
    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("EUR", 57, 33)]
    await pay(purchase)
    payment["settlements"] = [a_settlement("GBP", 50, 29)]
    await deliver(*a_webhook(payment, kind="charge.updated"))

    assert await accounts() == {
        "coin_sales USD": -99,
        "exchange USD": 99,
        "exchange GBP": -79,
        "provider_clearing GBP": 50,
        "provider_fees GBP": 29,
    }


async def test_money_that_goes_back_in_another_currency_is_exact_in_both(
    bought, pretend, pay, deliver, accounts
):
    """As where the provider pays out in another currency since the payment came."""
    purchase = await bought()
    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("EUR", 57, 33)]
    await pay(purchase)
    pretend.dispute(purchase, "lost")
    payment["settlements"] = [a_settlement("EUR", 57, 33), a_settlement("GBP", -1_580, 1_500)]
    await deliver(*a_webhook(payment, kind="payment.disputed"))

    both = {
        "coin_sales USD": -99,
        "dispute_loss USD": 99,
        "exchange EUR": -90,
        "exchange GBP": 80,
        "provider_clearing EUR": 57,
        "provider_clearing GBP": -1_580,
        "provider_fees EUR": 33,
        "provider_fees GBP": 1_500,
    }
    assert await accounts() == both

    payment["settlements"].reverse()
    await deliver(*a_webhook(payment, kind="charge.updated"))
    assert await accounts() == both


async def test_a_balance_in_the_payments_own_currency_beside_another_needs_no_second_exchange(
    bought, pretend, pay, deliver, accounts
):
    purchase = await bought()
    payment = pretend.payment_of(purchase)
    payment["settlements"] = [a_settlement("USD", 66, 33)]
    await pay(purchase)
    pretend.dispute(purchase, "lost")
    payment["settlements"] = [a_settlement("USD", 66, 33), a_settlement("EUR", -90, 0)]
    await deliver(*a_webhook(payment, kind="payment.disputed"))

    assert await accounts() == {
        "coin_sales USD": -99,
        "dispute_loss USD": 99,
        "exchange USD": -99,
        "exchange EUR": 90,
        "provider_clearing USD": 66,
        "provider_clearing EUR": -90,
        "provider_fees USD": 33,
    }
