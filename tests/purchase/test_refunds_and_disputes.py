"""A refund and a dispute over one purchase: the money goes back once, in whatever order we hear."""

from itertools import permutations

import pytest

from tests.deliveries import announced
from tests.purchase.wallet_events import coins_held
from tests.quotas import end_times


def refunds_asked(pretend):
    return len([each for each in pretend.asked if each[1].endswith("/refunds")])


@pytest.mark.parametrize("status", ["open", "lost"])
async def test_a_disputed_purchase_takes_no_new_refund_until_the_dispute_is_won(
    *, app, bought_in, request_refund, pretend, send_webhook, status
):
    purchase = await bought_in()
    pretend.dispute(purchase, status)
    await send_webhook(purchase, "payment.disputed")

    refused = await request_refund(purchase)
    assert (refused.status_code, refused.json()["code"]) == (409, "purchase-disputed")

    pretend.dispute(purchase, "won")
    await send_webhook(purchase, "payment.dispute_closed")
    assert (await request_refund(purchase)).status_code == 202


async def test_a_dispute_declines_a_refund_that_nobody_was_asked_for(
    *,
    bought_in,
    request_refund,
    consume,
    refund_requested,
    give_back,
    pretend,
    send_webhook,
    event_names,
    refund_of,
):
    purchase = await refund_requested()
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")
    await give_back()

    assert await event_names() == ["refund_requested", "disputed", "refund_declined"]
    assert (await refund_of(purchase))["reason"] == "disputed"
    assert refunds_asked(pretend) == 0


async def test_coins_that_are_frozen_after_the_dispute_came_are_not_refunded(
    bought_in, request_refund, consume, give_back, pretend, send_webhook, event_names
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")
    await consume(coins_held(purchase, refund))
    await give_back()

    assert await event_names() == ["refund_requested", "disputed", "refund_declined"]


async def test_a_refund_that_was_sent_before_the_dispute_is_looked_for_and_not_sent_again(
    refund_requested, give_back, pretend, send_webhook, event_names
):
    """The provider did not answer in time, and then the bank took the money."""
    purchase = await refund_requested()
    pretend.mood = "silent"
    await give_back()
    pretend.mood = "well"
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")
    assert (await event_names())[
        -1
    ] == "disputed"  # nobody knows yet whether the money went back too

    await give_back()
    pretend.dispute(purchase, "won")
    await send_webhook(purchase, "payment.dispute_closed")
    await give_back()

    assert await event_names() == [
        "refund_requested",
        "disputed",
        "refund_declined",
        "dispute_closed",
    ]
    assert pretend.payment_of(purchase).get("refunded_minor", 0) == 0


async def test_a_refund_whose_money_went_before_the_dispute_is_refunded_all_the_same(
    refund_requested, give_back, pretend, send_webhook, event_names
):
    purchase = await refund_requested()
    pretend.mood = "forgetful"
    await give_back()
    pretend.mood = "well"
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")
    await give_back()

    assert sorted(await event_names()) == ["disputed", "refund_requested", "refunded"]


@pytest.mark.parametrize(("status", "name"), [("succeeded", "refunded"), ("failed", "declined")])
async def test_a_refund_the_provider_accepted_before_the_dispute_is_waited_for(
    *, refund_requested, give_back, pretend, send_webhook, event_names, status, name
):
    pretend.refund_status, pretend.lists = "pending", True
    purchase = await refund_requested()
    await give_back()
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")
    await give_back()
    assert await event_names() == ["refund_requested", "disputed"]

    pretend.close_refund(status)
    await give_back()

    assert (await event_names())[-1].endswith(name)


async def test_a_dispute_between_the_decision_to_send_and_the_answer_loses_no_money(
    *, refund_requested, give_back, pretend, send_webhook, event_names, balances
):
    """Both go: the coins are claimed by one, and refunded by the other; the books know of both."""
    purchase = await refund_requested()
    pretend.dispute(purchase, "lost")
    await give_back()

    assert sorted(await event_names()) == [
        "dispute_closed",
        "disputed",
        "refund_requested",
        "refunded",
    ]
    assert await balances() == {
        "provider_clearing": -499,
        "coin_sales": -499,
        "refunds": 499,
        "dispute_loss": 499,
    }


STEPS = ("frozen", "disputed", "turn", "again")


@pytest.mark.parametrize("mood", ["well", "silent", "forgetful", "stingy"])
async def test_in_every_order_of_freeze_dispute_and_answer_a_refund_ends_once(
    *,
    bought_in,
    request_refund,
    consume,
    give_back,
    pretend,
    send_webhook,
    database,
    subtests,
    mood,
):
    for order in permutations(STEPS):
        # Each on a day of its own: a viewer asks so many times a day.
        await end_times(database)
        purchase = await bought_in(key="-".join(order))
        refund = (await request_refund(purchase, key="-".join(order))).json()["refund"]
        for number, step in enumerate(order):
            before = refunds_asked(pretend)
            if step == "frozen":
                await consume(coins_held(purchase, refund))
            elif step == "disputed":
                pretend.dispute(purchase, "lost")
                await send_webhook(purchase, "payment.disputed")
            else:
                pretend.mood = mood if step == "turn" else "well"
                await give_back()
                pretend.mood = "well"
            if "disputed" in order[:number]:
                assert refunds_asked(pretend) == before
        await give_back()

        went = pretend.payment_of(purchase).get("refunded_minor", 0)
        facts = [each for each in await announced(database) if each["purchase"] == purchase]
        names = [each["name"].removeprefix("purchase.") for each in facts]
        with subtests.test(order=order):
            ends = [each for each in names if each in ("refunded", "refund_declined")]
            assert ends == ["refunded" if went else "refund_declined"]
            assert names.count("disputed") == 1
