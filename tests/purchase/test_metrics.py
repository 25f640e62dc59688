"""What purchase counts: keys by what they turned out to be, and what waits for whom."""

import pytest
from sqlalchemy import text

from services.purchase.store.sagas import SAGAS
from shared.backoffice.in_flight import measure
from tests.metrics import keys_counted, metric, since
from tests.purchase.conftest import frozen

AGE = text("UPDATE purchases SET paid_at = paid_at - interval '1 hour' WHERE id = :id")


@pytest.fixture
def waiting(database):
    """What waits, by type and state; and what has waited too long, by type."""

    async def look():
        async with database.transaction() as tx:
            for saga in SAGAS:
                await measure(tx, saga)
        open_now = {
            (saga.type, state): int(metric("ovation_in_flight", type=saga.type, state=state))
            for saga in SAGAS
            for state in saga.overdue_seconds
        }
        overdue = {saga.type: metric("ovation_in_flight_overdue", type=saga.type) for saga in SAGAS}
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
    async with database.transaction() as tx:
        await tx.execute(AGE, {"id": purchase})
    assert await waiting() == ({("purchase", "paid"): 1}, {"purchase": 1})

    await credit(purchase)
    assert await waiting() == ({}, {})


async def test_a_refund_waits_for_the_wallet_the_provider_and_the_wallet(
    bought_in,
    ask,
    hear,
    give_back,
    waiting,
):
    purchase = await bought_in()
    refund = (await ask(purchase)).json()["refund"]
    assert await waiting() == ({("refund", "requested"): 1}, {})

    await hear(frozen(purchase, refund))
    assert await waiting() == ({("refund", "frozen"): 1}, {})

    await give_back()
    assert await waiting() == ({("refund", "refunded"): 1}, {})


async def test_a_dispute_waits_for_the_bank(bought, pay, credit, pretend, tell, waiting):
    purchase = await bought()
    await pay(purchase)
    await credit(purchase)
    pretend.dispute(purchase)
    await tell(purchase, "payment.disputed")

    assert await waiting() == ({("dispute", "open"): 1}, {})


async def test_each_key_counts_once_as_what_it_was(buy, bought_in, ask):
    purchases, refunds = "/v1/purchases", "/v1/purchases/{purchase}/refunds"
    before = keys_counted(purchases), keys_counted(refunds)

    purchase = await bought_in()
    await buy("coins_100", key="key-1")
    await buy("coins_100", key="another")
    await buy("coins_100", key="another")
    await ask(purchase)
    await ask(purchase)

    assert since(before[0], keys_counted(purchases)) == [2, 1, 1, 0]
    assert since(before[1], keys_counted(refunds)) == [1, 1, 0, 0]
