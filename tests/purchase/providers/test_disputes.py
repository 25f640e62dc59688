"""Every provider: what banks take, ask and warn of is followed, also without our reference."""

from datetime import datetime, timedelta

from tests.deliveries import announced
from tests.purchase.providers.driver import Action


async def test_a_dispute_takes_the_coins_and_gives_them_back_when_it_is_won(
    paid, vendor, arrive, event_names
):
    purchase = await paid()
    vendor.dispute(purchase)
    await arrive()
    assert await event_names() == ["disputed"]

    vendor.close_dispute(purchase, won=True)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed"]


async def test_a_dispute_that_is_lost_is_closed(paid, vendor, arrive, event_names, rows):
    purchase = await paid()
    vendor.dispute(purchase)
    vendor.close_dispute(purchase, won=False)
    await arrive()

    assert (await event_names())[-1] == "dispute_closed"
    assert [each["state"] for each in await rows("SELECT state FROM disputes")] == ["lost"]


async def test_a_part_can_be_disputed(paid, vendor, arrive, rows):
    purchase = await paid()
    vendor.dispute(purchase, 100)
    await arrive()

    assert await rows("SELECT state, amount_minor FROM disputes") == [
        {"state": "open", "amount_minor": 100}
    ]


async def test_a_dispute_is_followed_though_the_answer_is_lost_and_its_webhooks_are_shuffled(
    paid, vendor, arrive, wait, event_names, rows
):
    purchase = await paid()
    vendor.hold_webhooks(shuffled=True)
    vendor.repeat_webhooks(20)
    vendor.dispute(purchase)
    vendor.close_dispute(purchase, won=True)
    vendor.lose_answer(Action.READ)
    vendor.release_webhooks()
    await arrive()
    await wait()

    assert await event_names() == ["disputed", "dispute_closed"]
    assert [each["state"] for each in await rows("SELECT state FROM disputes")] == ["won"]


async def test_a_dispute_whose_webhooks_are_lost_is_asked_for(
    paid, vendor, arrive, backfill, event_names
):
    purchase = await paid()
    vendor.lose_webhooks(20)
    vendor.dispute(purchase)
    await arrive()
    assert await event_names() == []

    await backfill()

    assert await event_names() == ["disputed"]


async def test_a_disputed_purchase_is_not_refunded_as_well(
    *, paid, refund_asked, give_back, vendor, arrive, refund_of
):
    purchase = await paid()
    await refund_asked(purchase)
    vendor.dispute(purchase)
    await arrive()
    await give_back()

    assert (await refund_of(purchase))["state"] == "declined"
    assert vendor.refunds_of(purchase) == 0


async def test_a_dispute_that_comes_before_the_refund_is_sent_declines_it(
    *, paid, refund_asked, give_back, vendor, arrive, refund_of
):
    """The provider refuses the refund; we learn of the dispute at that moment."""
    purchase = await paid()
    await refund_asked(purchase)
    vendor.hold_webhooks()
    vendor.dispute(purchase)
    await give_back()

    assert (await refund_of(purchase))["state"] in ("declined", "refunded")
    assert vendor.refunds_of(purchase) <= 1
    vendor.release_webhooks()
    await arrive()


async def test_an_inquiry_is_a_warning_and_moves_no_money(
    paid, vendor, arrive, event_names, refund_asked, give_back, refund_of
):
    purchase = await paid()
    vendor.inquire(purchase)
    await arrive()
    assert await event_names() == ["risk_flagged"]

    await refund_asked(purchase)
    await give_back()
    assert (await refund_of(purchase))["state"] == "refunded"


async def test_an_inquiry_that_becomes_a_dispute_takes_the_coins(paid, vendor, arrive, event_names):
    purchase = await paid()
    vendor.inquire(purchase)
    await arrive()
    vendor.escalate(purchase)
    await arrive()

    assert await event_names() == ["risk_flagged", "disputed"]


async def test_a_dispute_that_is_prevented_is_lost_at_once(paid, vendor, arrive, event_names, rows):
    purchase = await paid()
    vendor.prevent(purchase)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed"]
    assert [each["state"] for each in await rows("SELECT state FROM disputes")] == ["lost"]


async def test_a_chargeback_without_a_dispute_takes_the_coins_for_good(
    paid, vendor, arrive, event_names, rows
):
    purchase = await paid()
    vendor.charge_back(purchase)
    await arrive()

    assert await event_names() == ["disputed", "dispute_closed"]
    assert [each["state"] for each in await rows("SELECT state FROM disputes")] == ["lost"]


async def test_an_early_fraud_warning_is_published_once(paid, vendor, arrive, event_names):
    purchase = await paid()
    vendor.warn(purchase)
    vendor.repeat_webhooks(2)
    await arrive()

    assert await event_names() == ["risk_flagged"]


async def test_a_dispute_of_which_nothing_arrives_is_found_by_reading_the_payment_again(
    paid, vendor, watch, event_names
):
    purchase = await paid()
    vendor.hold_webhooks()
    vendor.dispute(purchase)

    await watch()

    assert await event_names() == ["disputed"]


async def test_until_when_evidence_is_due_is_known_with_the_dispute(
    paid, vendor, arrive, evidence, database
):
    purchase = await paid()
    vendor.dispute(purchase)
    due_at = vendor.due_at(purchase)
    await arrive()

    assert await evidence() == [(due_at, False)]
    (disputed,) = await announced(database, "purchase.disputed")
    assert datetime.fromisoformat(disputed["evidence_due_at"]) == due_at


async def test_a_deadline_that_moves_is_followed_and_moves_nothing_else(
    paid, vendor, arrive, evidence, event_names, held
):
    purchase = await paid()
    vendor.dispute(purchase)
    await arrive()
    before, books = vendor.due_at(purchase), await held()

    vendor.move_deadline(purchase, days=20)
    await arrive()
    later = vendor.due_at(purchase)
    assert later - before > timedelta(days=9)
    assert await evidence() == [(later, False)]

    vendor.move_deadline(purchase, days=1)
    await arrive()
    assert await evidence() == [(vendor.due_at(purchase), False)]
    assert await event_names() == ["disputed"]
    assert await held() == books


async def test_evidence_that_was_handed_in_is_known(paid, vendor, arrive, evidence, event_names):
    purchase = await paid()
    vendor.dispute(purchase)
    due_at = vendor.due_at(purchase)
    vendor.submit_evidence(purchase)
    await arrive()

    assert await evidence() == [(due_at, True)]
    assert await event_names() == ["disputed"]


async def test_an_older_webhook_that_comes_late_does_not_move_a_deadline_back(
    paid, vendor, arrive, wait, evidence
):
    purchase = await paid()
    vendor.hold_webhooks(shuffled=True)
    vendor.repeat_webhooks(20)
    vendor.dispute(purchase)
    vendor.move_deadline(purchase, days=3)
    vendor.move_deadline(purchase, days=15)
    vendor.submit_evidence(purchase)
    vendor.lose_answer(Action.READ)
    vendor.release_webhooks()
    await arrive()
    await wait()

    assert await evidence() == [(vendor.due_at(purchase), True)]
