"""What purchase says again of its purchases is what it said, under the same ids."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.purchase.commands.questions import record_questions
from services.purchase.commands.republish import EVENTS, facts_between
from services.purchase.domain.purchases import (
    CONSUMPTION_REQUEST,
    Payment,
    Status,
    WebhookEvent,
)
from services.purchase.store import purchases
from tests.deliveries import an_erasure, announced_by_id, by_id, said_again
from tests.purchase.wallet_events import coins_held


@pytest.fixture
def ask(database):
    """Let a store ask how much of a purchase was used."""

    async def ask_about(purchase):
        key = ("mira", UUID(purchase))
        async with database.part_for("mira").transaction() as tx:
            found = replace((await purchases.lock(tx, [key]))[key], consumption_consent=True)
            payment = Payment(found.payment, str(found.id), Status.SUCCEEDED, 499, "USD")
            event = WebhookEvent(
                found.provider, "question-1", CONSUMPTION_REQUEST, b"", found.payment, None
            )
            await record_questions(tx, [(found, payment, event)], now=datetime.now(UTC))

    return ask_about


@pytest.fixture
def story(
    buy,
    bought,
    pay,
    pretend,
    send_webhook,
    wait,
    bought_in,
    request_refund,
    withdraw,
    consume,
    give_back,
    ask,
):
    """Everything that can happen to a purchase, each at least once."""

    async def play():
        disputed = await bought(key="disputed")
        await pay(disputed)
        # A bank changes its mind: what is known of the dispute now is only the last of it.
        for status in ("open", "won", "lost"):
            pretend.dispute(disputed, status)
            await send_webhook(disputed, "payment.disputed")
        flagged = await bought(key="flagged")
        pretend.become(flagged, "succeeded", warnings=[{"id": "ew_1", "reason": "stolen"}])
        await send_webhook(flagged)
        failed = await bought(key="failed")
        pretend.become(failed, "failed", failure="card-declined")
        await send_webhook(failed, "payment.failed")
        await bought(key="expired")
        await wait(minutes=60)
        await buy(claims={"age_verified": 12})
        refunded, declined = await bought_in(key="key-1"), await bought_in(key="key-2")
        for purchase, coins in ((refunded, 500), (declined, 0)):
            refund = (await request_refund(purchase, key=f"refund-{coins}")).json()["refund"]
            await consume(coins_held(purchase, refund, paid=coins, bonus=0))
        await give_back()
        await withdraw(declined)
        await ask(declined)
        await consume(*an_erasure("noa"))

    return play


async def test_every_fact_is_said_again_with_its_id_its_sequence_and_its_data(story, database):
    await story()

    before = await announced_by_id(database)

    assert by_id(await said_again(database, facts_between)) == before
    assert {name for name, _, _ in before.values()} == {event.name for event in EVENTS}


async def test_only_what_was_said_in_that_time_is_said_again(bought, pay, database):
    await pay(await bought())
    now = datetime.now(UTC)

    assert await said_again(database, facts_between, since=now - timedelta(minutes=5))
    assert not await said_again(database, facts_between, since=now)
    assert not await said_again(database, facts_between, until=now - timedelta(minutes=5))
