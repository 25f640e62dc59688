"""What the wallet says again from its own rows is what it said, under the same ids."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.wallet.commands import adjustments, exclusions, expiry, holds
from services.wallet.commands.republish import REPUBLISHED, facts_between
from services.wallet.commands.verification import publish_block
from shared.backoffice.adjustments import AdjustmentRequest
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.ledger.sealing import seal
from shared.postgres.statements import text
from tests.deliveries import an_erasure, announced_by_id, by_id, said_again
from tests.wallet.conftest import a_gift_requested, a_purchase_paid
from tests.wallet.test_purchase_events import (
    closed,
    disputed,
    refund_declined,
    refund_requested,
    refunded,
    usage_requested,
)


@pytest.fixture
def story(hear, database):
    """Everything that can happen to a viewer's coins, each at least once."""

    async def play():
        await _apply_purchase_events(hear)
        await _let_operators_work(database)
        await _reach_a_limit(hear)
        await _exclude(database)
        await hear(a_purchase_paid(viewer="noa"))
        await hear(*an_erasure("noa", forfeit=True))
        for part in database.parts:
            async with part.transaction() as tx:
                if block := await seal(tx):
                    await publish_block(tx, block)

    return play


async def _apply_purchase_events(hear):
    taken, given_back, kept = a_purchase_paid(bonus_coins=5), a_purchase_paid(), a_purchase_paid()
    await hear(taken)
    await hear(a_gift_requested(coins=60), a_gift_requested(coins=500))
    await hear(usage_requested(taken, uuid4()))
    await hear(disputed(taken))
    await hear(closed(taken, won=True))
    await hear(given_back, kept)
    refund, other = uuid4(), uuid4()
    await hear(refund_requested(given_back, refund), refund_requested(kept, other))
    await hear(refunded(given_back, refund, 100), refund_declined(kept, other))
    warned = a_purchase_paid(viewer="warned")
    flag = PurchaseRiskFlagged(
        purchase=warned.purchase, viewer="warned", warning="w_1", reason="stolen"
    )
    await hear(warned, flag)


async def _reach_a_limit(hear):
    """More than half of the 50,000 coins of a day, then more than all of them."""
    await hear(a_purchase_paid(viewer="rich", coins=90_000))
    await hear(a_gift_requested(viewer="rich", coins=30_000))
    await hear(a_gift_requested(viewer="rich", coins=30_000))


async def _let_operators_work(database):
    async with database.part_for("warned").transaction() as tx:
        await holds.release_warning(
            tx, "warned", "risk:w_1", operator="ann", reason="a mistake", correlation_id="c"
        )
    wish = AdjustmentRequest("wallet", "warned", 7, "sorry", "ann", "k", b"h")
    async with database.part_for("warned").transaction() as tx:
        asked = await adjustments.request_wallet_adjustment(tx, wish)
        await adjustments.decide_wallet_adjustment(tx, asked.id, "ben", True, "c")
        # Only promotional coins end, and nobody waits a year for it here.
        await tx.execute(text("UPDATE lots SET expires_at = now() WHERE kind = 'promo'"))
    async with database.part_for("warned").transaction() as tx:
        await expiry.expire_lots(tx, now=datetime.now(UTC) + timedelta(seconds=1))


async def _exclude(database):
    async with database.part_for("mira").transaction() as tx:
        await exclusions.exclude(tx, "mira", days=1, key="k", request_hash=b"h", correlation_id="c")
    async with database.part_for("mira").transaction() as tx:
        await exclusions.end_exclusions(tx, now=datetime.now(UTC) + timedelta(days=2))


async def test_every_fact_is_said_again_with_its_id_its_sequence_and_its_data(story, database):
    await story()

    before = await announced_by_id(database)
    again = by_id(await said_again(database, facts_between))

    assert again == before
    assert {name for name, _, _ in before.values()} == {event.name for event in REPUBLISHED}


async def test_only_what_was_said_in_that_time_is_said_again(story, database):
    await story()
    now = datetime.now(UTC)

    assert await said_again(database, facts_between, since=now - timedelta(minutes=5))
    assert not await said_again(database, facts_between, since=now)
    assert not await said_again(database, facts_between, until=now - timedelta(minutes=5))


async def test_a_viewers_decisions_are_said_in_the_order_in_which_they_were_made(story, database):
    await story()

    facts = await said_again(database, facts_between)

    decided = [
        fact.sequence
        for fact in facts
        if fact.event.partition_key == "mira" and fact.cause.correlation_id.count(":")
    ]
    assert len(decided) > 5
    assert decided == sorted(decided)


async def test_more_facts_than_a_page_are_all_said_again(hear, database):
    for _ in range(3):
        await hear(*(a_purchase_paid(viewer=f"viewer-{number}") for number in range(400)))

    facts = await said_again(database, facts_between)

    assert len({fact.event.id for fact in facts}) == 1_200
