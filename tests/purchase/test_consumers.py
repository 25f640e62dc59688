"""The wallet has credited coins: once, twice, before we knew of the payment, and in batches."""

import asyncio
from uuid import uuid4

from services.purchase import consumers
from tests.deliveries import a_broker, a_delivery, announced, forget_inbox
from tests.purchase.wallet_events import a_coins_credited


async def names(database):
    return [fact["name"] for fact in await announced(database)]


async def parked(rows):
    return await rows("SELECT headers::jsonb FROM outbox WHERE exchange = 'ovation.dlx'")


async def test_credited_coins_complete_the_purchase(bought, pay, credit, read, database):
    purchase = await bought()
    await pay(purchase)

    await credit(purchase)

    assert (await announced(database))[1] == {
        "name": "purchase.completed",
        "purchase": purchase,
        "viewer": "mira",
        "coins": 100,
    }
    assert (await read(purchase))["state"] == "completed"
    assert (await read(purchase))["completed_at"]


async def test_the_same_fact_twice_completes_once(bought, pay, credit, database):
    purchase = await bought()
    await pay(purchase)

    await credit(purchase, purchase)
    await credit(purchase)
    await forget_inbox(database)
    await credit(purchase)

    assert await names(database) == ["purchase.paid", "purchase.completed"]


async def test_the_same_fact_in_two_batches_at_once_completes_once(bought, pay, credit, database):
    purchases = [await bought(key=f"key-{number}") for number in range(6)]
    for purchase in purchases:
        await pay(purchase)

    await asyncio.gather(credit(*purchases), credit(*reversed(purchases)))

    assert (await names(database)).count("purchase.completed") == 6


async def test_coins_credited_before_we_know_of_the_payment_complete_it_later(
    bought, pay, credit, read, database
):
    purchase = await bought()

    await credit(purchase)
    assert (await read(purchase))["state"] == "pending"
    assert await names(database) == []

    await pay(purchase)
    assert await names(database) == ["purchase.paid", "purchase.completed"]
    assert (await read(purchase))["state"] == "completed"


async def test_coins_of_a_purchase_nobody_knows_are_parked_alone(
    bought, pay, credit, database, rows
):
    purchase = await bought()
    await pay(purchase)

    await credit(str(uuid4()), purchase)

    assert len(await announced(database, "purchase.completed")) == 1
    (dead_letter,) = await parked(rows)
    assert dead_letter["headers"]["ovation_error_code"] == "no-such-purchase"


async def test_another_number_of_coins_than_bought_is_parked(bought, pay, credit, read, rows):
    purchase = await bought()
    await pay(purchase)

    await credit(purchase, coins=99)

    (dead_letter,) = await parked(rows)
    assert dead_letter["headers"]["ovation_error_code"] == "coins-differ"
    assert (await read(purchase))["state"] == "paid"


async def test_nobody_but_the_wallet_is_believed(bought, pay, database, read, rows):
    purchase = await bought()
    await pay(purchase)
    (consumer,) = consumers.build(database, a_broker("purchase"))

    await consumer.receive([a_delivery(a_coins_credited(purchase), user="gift")])

    assert len(await parked(rows)) == 1
    assert (await read(purchase))["state"] == "paid"
