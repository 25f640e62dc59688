"""Every provider: money goes back once, and coins and money are never both with one side."""

from uuid import uuid4

import pytest

from services.purchase.providers import ProviderUnavailable
from tests.purchase.conftest import GERMANY
from tests.purchase.providers.driver import Action


async def test_a_refund_goes_back_once(
    paid, refund_asked, give_back, vendor, refund_of, event_names
):
    purchase = await paid()
    await refund_asked(purchase)

    for _ in range(2):
        await give_back()

    assert (await refund_of(purchase))["state"] == "refunded"
    assert await event_names() == ["refund_requested", "refunded"]
    assert vendor.refunds_of(purchase) == 1


async def test_a_refund_whose_answer_is_lost_goes_back_once(
    paid, refund_asked, give_back, vendor, refund_of
):
    purchase = await paid()
    await refund_asked(purchase)
    vendor.hold_webhooks()
    vendor.lose_answer(Action.REFUND)
    vendor.fail(Action.READ, 503)
    await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"

    await give_back()

    assert (await refund_of(purchase))["state"] == "refunded"
    assert vendor.refunds_of(purchase) == 1


async def test_a_refund_that_is_repeated_under_its_id_is_one_refund(paid, vendor, rows):
    """Of a part: the provider would take a second one."""
    purchase, refund = await paid(), uuid4()
    ((name,),) = [row.values() for row in await rows("SELECT payment FROM purchases")]
    vendor.lose_answer(Action.REFUND)
    with pytest.raises(ProviderUnavailable):
        await vendor.provider.refund(name, refund, amount_minor=100)

    first, again = [await vendor.provider.refund(name, refund, amount_minor=100) for _ in range(2)]

    assert first == again
    assert vendor.refunds_of(purchase) == 1


@pytest.mark.parametrize("status", [409, 429, 503])
async def test_an_error_of_the_provider_is_no_refusal_of_a_refund(
    *, paid, refund_asked, give_back, vendor, refund_of, status
):
    purchase = await paid()
    await refund_asked(purchase)
    vendor.fail(Action.REFUND, status)
    await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"


async def test_a_refund_that_is_made_later_waits_for_it(
    *, paid, refund_asked, give_back, vendor, arrive, refund_of, event_names
):
    purchase = await paid()
    await refund_asked(purchase)
    vendor.delay_refunds()
    await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"

    vendor.finish_refund(purchase)
    await arrive()

    assert (await refund_of(purchase))["state"] == "refunded"
    assert await event_names() == ["refund_requested", "refunded"]


async def test_a_refund_that_fails_before_it_is_made_gives_the_coins_back(
    *, paid, refund_asked, give_back, vendor, arrive, refund_of, event_names
):
    purchase = await paid()
    await refund_asked(purchase)
    vendor.delay_refunds()
    await give_back()

    vendor.fail_refund(purchase)
    await arrive()

    assert (await refund_of(purchase))["state"] == "declined"
    assert await event_names() == ["refund_requested", "refund_declined"]


async def test_a_refund_that_fails_weeks_later_gives_the_coins_back(
    *, paid, refund_asked, give_back, vendor, arrive, refund_of, event_names
):
    purchase = await paid()
    await refund_asked(purchase)
    await give_back()

    vendor.fail_refund(purchase)
    await arrive()

    assert (await refund_of(purchase))["state"] == "declined"
    assert await event_names() == ["refund_requested", "refunded", "refund_declined"]


async def test_money_that_the_dashboard_gives_back_takes_the_coins(
    paid, vendor, arrive, event_names
):
    purchase = await paid()
    vendor.refund(purchase)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed"]


async def test_a_part_that_the_dashboard_gives_back_takes_that_part(
    paid, vendor, arrive, event_names, rows
):
    purchase = await paid()
    vendor.refund(purchase, 200)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed"]
    assert await rows("SELECT state, amount_minor FROM disputes") == [
        {"state": "lost", "amount_minor": 200}
    ]


async def test_money_that_went_back_without_a_webhook_is_asked_for(
    paid, vendor, arrive, backfill, event_names
):
    purchase = await paid()
    vendor.lose_webhooks(20)
    vendor.refund(purchase)
    await arrive()
    assert await event_names() == []

    await backfill()

    assert await event_names() == ["disputed", "dispute_closed"]


async def test_a_refund_that_is_taken_back_gives_the_coins_again(paid, vendor, arrive, event_names):
    purchase = await paid()
    vendor.refund(purchase)
    await arrive()
    vendor.reverse_refund(purchase)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed", "dispute_closed"]


async def test_what_a_store_sold_is_not_refunded_by_us(paid, vendor, request_refund):
    if not vendor.is_store:
        vendor.lacks("refunds that are its own alone")
    purchase = await paid()

    assert (await request_refund(purchase)).json()["code"] == "not-refundable"
    assert vendor.refunds_of(purchase) == 0


async def test_a_refund_of_what_the_dashboard_gave_back_before_is_refused(
    *, paid, refund_asked, give_back, vendor, event_names
):
    purchase = await paid()
    vendor.hold_webhooks()
    vendor.refund(purchase)
    await refund_asked(purchase)
    await give_back()

    assert vendor.refunds_of(purchase) <= 1
    assert (await event_names())[0] == "refund_requested"


async def test_a_part_of_a_purchase_goes_back_in_every_currency(
    *, bought, vendor, arrive, credit, refund_asked, give_back, rows
):
    for currency in vendor.prices:
        purchase = await bought("coins_many", currency=currency, key=currency, claims=GERMANY)
        vendor.pay(purchase)
        await arrive()
        await credit(purchase, coins=1_000)
        await refund_asked(purchase, unused=(333, 0), key=currency)
    await give_back()

    states = await rows("SELECT state, reason FROM refunds")
    assert states == [{"state": "refunded", "reason": None}] * len(vendor.prices)
