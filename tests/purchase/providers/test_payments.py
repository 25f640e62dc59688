"""Every provider: a purchase is paid once, whatever gets lost, repeated or late."""

import pytest

from services.purchase.domain.purchases import Status
from tests.deliveries import announced
from tests.purchase.providers.driver import Action

OPEN = ("created", "pending")


@pytest.fixture
def names(database):
    async def read_names():
        return [fact["name"].removeprefix("purchase.") for fact in await announced(database)]

    return read_names


async def test_a_viewer_is_sent_to_the_provider_and_pays(buy, vendor, arrive, state_of, names):
    answer = await buy()
    purchase, action = answer.json()["purchase"], answer.json()["next_action"]
    assert answer.status_code == 201
    if vendor.is_store:
        assert (action["type"], action["account_token"]) == ("store", purchase)
    else:
        assert (action["type"], action["url"][:4]) == ("redirect", "http")

    vendor.pay(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"
    assert await names() == ["paid"]


async def test_a_lost_answer_to_the_first_request_leads_to_one_payment(buy, vendor, wait, read):
    vendor.lose_answer(Action.CREATE)
    answer = await buy()
    purchase = answer.json()["purchase"]
    assert (answer.status_code, answer.json()["next_action"]) == (202, None)

    await wait()

    assert (await read(purchase))["next_action"]["url"]
    assert vendor.payments_of(purchase) == 1


async def test_a_request_that_is_repeated_is_one_payment(buy, vendor):
    first, again = await buy(), await buy()

    assert again.json()["next_action"] == first.json()["next_action"]
    # In a store the app makes the payment, and not our request.
    made = 0 if vendor.is_store else 1
    assert vendor.payments_of(first.json()["purchase"]) == made


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_error_of_the_provider_says_nothing(buy, vendor, wait, state_of, status):
    """A vendor may repeat a stored error under our key: then the purchase ends unpaid."""
    vendor.fail(Action.CREATE, status)
    answer = await buy()
    purchase = answer.json()["purchase"]
    assert (answer.status_code, answer.json()["state"]) == (202, "created")

    await wait()
    await wait(minutes=31)
    await wait()

    assert await state_of(purchase) == "expired"
    assert vendor.payments_of(purchase) <= 1


async def test_a_payment_is_found_though_its_webhook_is_late_and_the_answer_lost(
    bought, vendor, look, state_of
):
    purchase = await bought()
    vendor.hold_webhooks()
    vendor.pay(purchase)
    vendor.lose_answer(Action.READ)
    await look(purchase)

    await look(purchase)

    assert await state_of(purchase) == "paid"


async def test_webhooks_that_come_twice_and_in_another_order_are_one_payment(
    bought, vendor, arrive, state_of, names
):
    purchase = await bought()
    vendor.hold_webhooks(shuffled=True)
    vendor.repeat_webhooks(20)
    vendor.pay(purchase)
    vendor.release_webhooks()
    await arrive()

    assert await state_of(purchase) == "paid"
    assert await names() == ["paid"]


async def test_a_payment_without_any_webhook_is_found(bought, vendor, arrive, look, state_of):
    purchase = await bought()
    vendor.lose_webhooks(20)
    vendor.pay(purchase)
    await arrive()
    assert await state_of(purchase) in OPEN

    await look(purchase)

    assert await state_of(purchase) == "paid"


async def test_a_webhook_that_was_never_sent_is_asked_for(
    bought, vendor, arrive, backfill, state_of
):
    if not vendor.lists_payments:
        vendor.lacks("list of payments whose webhooks were lost")
    purchase = await bought()
    vendor.lose_webhooks(20)
    vendor.pay(purchase)
    await arrive()
    assert await state_of(purchase) in OPEN

    assert await backfill() > 0

    assert await state_of(purchase) == "paid"


async def test_a_declined_try_leaves_the_purchase_payable(bought, vendor, arrive, state_of):
    purchase = await bought()
    vendor.decline(purchase)
    await arrive()
    assert await state_of(purchase) == "pending"

    vendor.pay(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"


async def test_money_that_comes_days_later_buys_coins_then(
    *, bought, vendor, arrive, look, wait, state_of, names
):
    purchase = await bought()
    vendor.pay_later(purchase)
    await arrive()
    await look(purchase)
    assert await state_of(purchase) in OPEN
    await wait(minutes=24 * 60)
    assert await state_of(purchase) in OPEN

    vendor.clear(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"
    assert await names() == ["paid"]


async def test_money_that_does_not_come_days_later_ends_the_purchase(
    *, bought, vendor, arrive, look, wait, state_of, names
):
    purchase = await bought()
    vendor.pay_later(purchase)
    await arrive()
    await look(purchase)
    await wait(minutes=31)

    vendor.bounce(purchase)
    await arrive()

    # Google says no more than that it was cancelled, which is what our own end of the time says.
    ended = await state_of(purchase)
    assert ended in ("failed", "expired")
    assert await names() == [ended]


async def test_an_unpaid_purchase_expires(bought, wait, state_of, names):
    purchase = await bought()

    await wait(minutes=31)

    assert await state_of(purchase) == "expired"
    assert await names() == ["expired"]


async def test_what_a_store_takes_after_the_purchase_expired_buys_the_coins(
    *, bought, vendor, arrive, wait, state_of, names
):
    """The app may ask the buyer for as long as it likes, and we cannot give the money back."""
    if not vendor.is_store:
        vendor.lacks("payments of a purchase that expired")
    purchase = await bought()
    await wait(minutes=31)

    vendor.pay(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"
    assert await names() == ["expired", "paid"]


async def test_what_is_paid_twice_for_one_purchase_is_credited_once(
    bought, vendor, arrive, state_of, names
):
    purchase = await bought()
    vendor.pay(purchase)
    vendor.pay_again(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"
    assert await names() == ["paid"]


async def test_practice_money_buys_no_real_coins(bought, vendor, arrive, state_of, names):
    purchase = await bought()
    vendor.pay_by_practice(purchase)
    await arrive()

    assert await state_of(purchase) not in ("paid", "completed")
    assert "paid" not in await names()


async def test_an_expired_purchase_cannot_be_paid_any_more(bought, vendor, arrive, wait, state_of):
    if vendor.is_store:
        vendor.lacks("end of the time for paying")
    purchase = await bought()
    await wait(minutes=31)

    if vendor.moves_money_alone:
        with pytest.raises(Exception, match=r"expired|cancelled"):
            vendor.pay(purchase)
    else:
        vendor.pay(purchase)
        await arrive()
        assert await state_of(purchase) == "expired"
        assert vendor.books() == {}


async def test_a_lost_answer_to_a_cancellation_is_no_harm(bought, vendor, wait, state_of):
    purchase = await bought()
    vendor.lose_answer(Action.CANCEL)
    await wait(minutes=31)
    assert await state_of(purchase) == "pending"

    await wait()

    assert await state_of(purchase) == "expired"


async def test_a_cancellation_that_comes_too_late_is_a_payment(
    bought, vendor, wait, state_of, names
):
    if not vendor.can_overtake:
        vendor.lacks("payments that overtake our cancellation")
    purchase = await bought()
    vendor.hold_webhooks()
    vendor.pay(purchase)

    await wait(minutes=31)

    assert await state_of(purchase) == "paid"
    assert await names() == ["paid"]


@pytest.mark.parametrize(
    ("payer", "became"), [("pay", Status.SUCCEEDED), ("pay_later", Status.PROCESSING)]
)
async def test_a_payment_that_is_faster_than_its_cancellation_is_what_it_became(
    *, bought, vendor, rows, arrive, payer, became
):
    if not vendor.can_overtake:
        vendor.lacks("payments that overtake our cancellation")
    purchase = await bought()
    ((name,),) = [row.values() for row in await rows("SELECT payment FROM purchases")]
    seen = await vendor.provider.read(name)
    assert seen.status is Status.OPEN
    getattr(vendor, payer)(purchase)

    assert (await vendor.provider.cancel(seen)).status is became
    await arrive()


async def test_a_cancellation_that_meets_a_payment_under_way_waits_for_it(
    bought, vendor, arrive, wait, state_of
):
    if not vendor.can_overtake:
        vendor.lacks("payments that overtake our cancellation")
    purchase = await bought()
    vendor.hold_webhooks()
    vendor.pay_later(purchase)

    await wait(minutes=31)
    assert await state_of(purchase) == "pending"

    vendor.clear(purchase)
    vendor.release_webhooks()
    await arrive()
    assert await state_of(purchase) == "paid"


async def test_a_provider_whose_time_runs_out_first_ends_the_purchase(
    bought, vendor, arrive, wait, state_of
):
    purchase = await bought()
    vendor.run_out(purchase)
    await arrive()
    await wait(minutes=31)

    assert await state_of(purchase) in ("expired", "failed")


async def test_every_currency_is_taken_to_the_last_digit(bought, vendor, arrive, read):
    for currency, amount_minor in vendor.prices.items():
        purchase = await bought("coins_many", currency=currency, key=currency, viewer=currency)
        vendor.pay(purchase)
        await arrive()

        found = await read(purchase, viewer=currency)
        assert (found["state"], found["amount_minor"]) == ("paid", amount_minor)


async def test_an_amount_that_the_vendor_cannot_write_is_refused_before_anybody_pays(
    buy, vendor, read
):
    if not vendor.unsayable:
        vendor.lacks("amounts that it cannot write")
    for currency in vendor.unsayable:
        answer = await buy("coins_unsayable", currency=currency, key=currency, viewer=currency)

        assert answer.json()["next_action"] is None
        assert answer.json()["state"] == "failed"
        assert vendor.payments_of(answer.json()["purchase"]) == 0


async def test_what_is_paid_out_in_another_currency_is_in_the_books_to_the_cent(
    paid, vendor, arrive, held, event_names
):
    vendor.pay_out_in("EUR")
    purchase = await paid()
    assert list(await held()) == ["EUR"]

    vendor.refund(purchase, 100)
    vendor.dispute(purchase, 300)
    await arrive()
    vendor.close_dispute(purchase, won=True)
    await arrive()

    assert list(await held()) == ["EUR"]
    assert sorted(await event_names()) == [
        "dispute_closed",
        "dispute_closed",
        "disputed",
        "disputed",
    ]
