"""What purchase counts: keys by what they turned out to be, and what waits for whom."""

import pytest

from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.postgres.statements import text
from tests.metrics import keys_counted, metric, since
from tests.purchase.wallet_events import coins_held

AGE = text("UPDATE purchases SET paid_at = paid_at - interval '1 hour' WHERE id = :id")


@pytest.fixture
def waiting(database):
    """What waits, by type and state; and what has waited too long, by type."""

    async def look():
        for monitor in IN_FLIGHT:
            await measure(database, monitor)
        open_now = {
            (monitor.type, state): int(metric("ovation_in_flight", type=monitor.type, state=state))
            for monitor in IN_FLIGHT
            for state in monitor.overdue_seconds
        }
        overdue = {
            monitor.type: metric("ovation_in_flight_overdue", type=monitor.type)
            for monitor in IN_FLIGHT
        }
        return (
            {about: count for about, count in open_now.items() if count},
            {about: int(count) for about, count in overdue.items() if count},
        )

    return look


async def test_a_purchase_waits_for_its_payer_and_then_for_its_coins(
    bought, pay, credit, waiting, database
):
    purchase = await bought()
    assert await waiting() == ({("purchase", "pending"): 1}, {})

    await pay(purchase)
    assert await waiting() == ({("purchase", "paid"): 1}, {})
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(AGE, {"id": purchase})
    assert await waiting() == ({("purchase", "paid"): 1}, {"purchase": 1})

    await credit(purchase)
    assert await waiting() == ({}, {})


async def test_a_refund_waits_for_the_wallet_the_provider_and_the_wallet(
    bought_in,
    request_refund,
    consume,
    give_back,
    waiting,
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    assert await waiting() == ({("refund", "requested"): 1}, {})

    await consume(coins_held(purchase, refund))
    assert await waiting() == ({("refund", "frozen"): 1}, {})

    await give_back()
    assert await waiting() == ({("refund", "refunded"): 1}, {})


async def test_a_dispute_waits_for_the_bank(bought, pay, credit, pretend, send_webhook, waiting):
    purchase = await bought()
    await pay(purchase)
    await credit(purchase)
    pretend.dispute(purchase)
    await send_webhook(purchase, "payment.disputed")

    assert await waiting() == ({("dispute", "open"): 1}, {})


async def test_each_key_counts_once_as_what_it_was(buy, bought_in, request_refund):
    purchases, refunds = "/v1/purchases", "/v1/purchases/{purchase}/refunds"
    before = keys_counted(purchases), keys_counted(refunds)

    purchase = await bought_in()
    await buy("coins_100", key="key-1")
    await buy("coins_100", key="another")
    await buy("coins_100", key="another")
    await request_refund(purchase)
    await request_refund(purchase)

    assert since(before[0], keys_counted(purchases)) == [2, 1, 1, 0]
    assert since(before[1], keys_counted(refunds)) == [1, 1, 0, 0]


async def test_money_that_a_withdrawal_is_owed_waits_for_somebody_who_tries_again(
    bought_in, withdraw, request_refund, consume, give_back, pretend, waiting, age_refunds
):
    purchase = await bought_in()
    refund = (await withdraw(purchase)).json()["refund"]["refund"]
    await consume(coins_held(purchase, refund))
    pretend.mood = "stingy"
    await give_back()
    assert await waiting() == ({("withdrawal", "owed"): 1}, {})
    await age_refunds(2)
    assert await waiting() == ({("withdrawal", "owed"): 1}, {"withdrawal": 1})

    pretend.mood = "well"
    again = (await request_refund(purchase)).json()["refund"]
    assert await waiting() == ({("refund", "requested"): 1}, {})
    await consume(coins_held(purchase, again))
    await give_back()
    assert await waiting() == ({("refund", "refunded"): 1}, {})


async def test_a_withdrawal_of_used_coins_and_a_refund_that_is_none_are_owed_nothing(
    bought_in, withdraw, request_refund, consume, give_back, pretend, waiting
):
    used, unasked = await bought_in(key="used"), await bought_in(key="unasked")
    refund = (await withdraw(used)).json()["refund"]["refund"]
    await consume(coins_held(used, refund, paid=0, bonus=0))
    await consume(coins_held(unasked, (await request_refund(unasked)).json()["refund"]))
    pretend.mood = "stingy"
    await give_back()

    assert await waiting() == ({}, {})
