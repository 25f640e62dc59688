"""Status polls: without any webhook each purchase is paid, given up or still waited for."""

import asyncio

from tests.deliveries import announced
from tests.purchase.test_webhooks import names


async def test_without_any_webhook_the_janitor_finds_the_payment(
    bought, pretend, wait, read, database
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")

    await wait()

    assert await names(database) == ["purchase.paid"]
    assert (await read(purchase))["paid_at"]


async def test_the_janitor_asks_ever_more_rarely_but_never_past_the_end(bought, wait, rows):
    await bought()
    pauses = []
    for _ in range(9):
        await wait()
        ((pause,),) = [
            row.values()
            # To ten seconds: a busy machine reads it late.
            for row in await rows("SELECT round(extract(epoch FROM next_check_at - now()), -1) "
                                  "FROM purchases")
        ]  # fmt: skip
        pauses.append(int(pause))
    assert pauses == [10, 20, 40, 80, 160, 320, 320, 320, 320]

    await wait(minutes=27)
    ((pause,),) = [
        row.values() for row in await rows("SELECT next_check_at = expires_at FROM purchases")
    ]
    assert pause is True


async def test_an_unpaid_purchase_expires_after_it_was_cancelled_at_the_provider(
    bought, pretend, wait, read, database
):
    purchase = await bought()

    await wait(minutes=31)
    await wait()

    assert pretend.payment_of(purchase)["status"] == "cancelled"
    assert await names(database) == ["purchase.expired"]
    assert (await read(purchase))["state"] == "expired"
    assert (await read(purchase))["next_action"] is None


async def test_a_purchase_that_cannot_be_cancelled_does_not_expire(
    bought, pretend, wait, database, read
):
    purchase = await bought()
    pretend.mood = "silent"

    await wait(minutes=31)

    assert (await names(database), (await read(purchase))["state"]) == ([], "pending")


async def test_a_payment_in_the_moment_of_expiry_is_paid_and_not_late(
    bought, pretend, wait, database
):
    """Cancelling comes too late, and the provider says so."""
    purchase = await bought()
    pretend.become(purchase, "succeeded")

    await wait(minutes=31)

    (paid,) = await announced(database)
    assert (paid["name"], paid["late"]) == ("purchase.paid", False)


async def test_a_payment_under_way_is_waited_for(bought, pretend, wait, database, pay):
    purchase = await bought()
    pretend.become(purchase, "processing")
    await wait(minutes=31)
    assert await names(database) == []

    await pay(purchase)
    assert await names(database) == ["purchase.paid"]


async def test_money_that_comes_after_expiry_is_honoured_as_late(
    *, bought, wait, pay, credit, database, read
):
    purchase = await bought()
    await wait(minutes=31)

    await pay(purchase)
    await credit(purchase)

    expired, paid, completed = await announced(database)
    assert expired["name"] == "purchase.expired"
    assert (paid["name"], paid["late"]) == ("purchase.paid", True)
    assert completed["name"] == "purchase.completed"
    assert (await read(purchase))["state"] == "completed"


async def test_a_declined_payment_fails_after_it_was_cancelled(
    bought, pretend, send_webhook, database, read
):
    purchase = await bought()
    pretend.become(purchase, "failed", failure_reason="card_declined")

    await send_webhook(purchase, "payment.failed")

    assert pretend.payment_of(purchase)["status"] == "cancelled"
    (failed,) = await announced(database)
    assert (failed["name"], failed["reason"]) == ("purchase.failed", "card_declined")
    assert (await read(purchase))["state"] == "failed"


async def test_a_purchase_the_provider_never_heard_of_expires_without_asking_for_money(
    bought, pretend, wait, database
):
    pretend.mood = "silent"
    await bought()
    pretend.mood = "well"

    await wait(minutes=31)

    assert await names(database) == ["purchase.expired"]
    assert pretend.payments == {}


async def test_a_payment_whose_answer_was_lost_is_found_and_cancelled_at_expiry(
    bought, pretend, wait, database
):
    pretend.mood = "forgetful"
    purchase = await bought()
    pretend.mood = "well"

    await wait(minutes=31)

    assert pretend.payment_of(purchase)["status"] == "cancelled"
    assert await names(database) == ["purchase.expired"]


async def test_two_janitors_at_once_settle_everything_once(
    bought, pretend, turn_due, poll_due, database
):
    for number in range(12):
        purchase = await bought(viewer=f"viewer-{number}")
        pretend.become(purchase, "succeeded")
    before = len(pretend.asked)

    await turn_due()
    await asyncio.gather(poll_due(), poll_due())

    assert sorted(await names(database)) == ["purchase.paid"] * 12
    assert len(pretend.asked) - before == 12


async def test_one_purchase_that_cannot_be_polled_does_not_keep_the_others(
    bought, pretend, wait, database
):
    first, second = await bought(key="a"), await bought(key="b")
    pretend.become(first, "succeeded", amount_minor=10**19)
    pretend.become(second, "succeeded")

    await wait()

    assert [fact["purchase"] for fact in await announced(database)] == [second]
