"""A webhook event that matched no purchase for long: the provider is asked whose payment it is."""

from datetime import timedelta
from itertools import pairwise

import pytest

from services.purchase.store import webhook_events
from services.purchase.store.webhook_events import UNMATCHED_ASKED_FROM, UNMATCHED_CHECKS_MAX
from shared.postgres.statements import text
from tests.purchase.pretend import a_webhook

OPEN = "SELECT webhook_id FROM webhook_events WHERE next_check_at IS NOT NULL"


@pytest.fixture
def checked(database):
    """Let all events be checked so often."""

    async def check(times):
        async with database.reference.transaction() as tx:
            await tx.execute(text("UPDATE webhook_events SET checks = :times"), {"times": times})

    return check


@pytest.fixture
def unmatched_for_long(checked):
    """Let all events be checked as often as an unmatched one is before its last turn."""
    return lambda: checked(UNMATCHED_CHECKS_MAX - 1)


@pytest.fixture
async def lost_name(bought, pretend, pay, deliver, unmatched_for_long):
    """A dispute that says `ch_9`, a name that the provider gave the payment after it was paid."""
    purchase = await bought()
    await pay(purchase)
    pretend.payment_of(purchase)["names"] = ["ch_9"]
    pretend.dispute(purchase, "open")
    await deliver(*a_webhook({"id": "ch_9"}, kind="charge.dispute.created", webhook_id="msg_9"))
    await unmatched_for_long()
    return purchase


async def test_a_dispute_under_an_unknown_name_is_acted_on_before_it_is_given_up(
    lost_name, wait, event_names, rows
):
    assert await event_names() == []

    await wait()

    assert await event_names() == ["disputed"]
    assert await rows(OPEN) == []
    (kept,) = await rows("SELECT purchase FROM webhook_events WHERE webhook_id = 'msg_9'")
    assert str(kept["purchase"]) == lost_name


async def test_a_dispute_under_an_unknown_name_is_acted_on_after_ten_minutes(
    lost_name, checked, wait, event_names
):
    await checked(UNMATCHED_ASKED_FROM - 2)
    await wait()
    assert await event_names() == []

    await wait()

    assert await event_names() == ["disputed"]
    assert lost_name


async def test_what_the_provider_does_not_know_yet_is_asked_again(
    *, lost_name, pretend, checked, wait, event_names, rows
):
    payment = pretend.payment_of(lost_name)
    await checked(UNMATCHED_ASKED_FROM)
    payment["names"] = []
    await wait()
    assert {"webhook_id": "msg_9"} in await rows(OPEN)

    payment["names"] = ["ch_9"]
    await wait()

    assert await event_names() == ["disputed"]


async def test_an_unmatched_event_is_checked_ever_more_rarely(pretend, deliver, database, rows):
    payment = pretend.make(reference="order-7")
    await deliver(*a_webhook(payment, webhook_id="msg_foreign"))
    times, now = [], None
    while not times or times[-1] < timedelta(hours=17):
        (event,) = await rows("SELECT received_at, next_check_at FROM webhook_events")
        now = event["next_check_at"]
        times.append(now - event["received_at"])
        async with database.reference.transaction() as tx:
            await webhook_events.claim(tx, now=now, limit=10)

    assert timedelta(minutes=5) < times[UNMATCHED_ASKED_FROM - 1] < timedelta(minutes=12)
    pauses = [later - earlier for earlier, later in pairwise(times[1:])]
    assert pauses == sorted(pauses)
    assert max(pauses) < timedelta(hours=2)
    # So it is given up only after as long as a provider may repeat what it does not know yet.
    assert len(times) == UNMATCHED_CHECKS_MAX


@pytest.mark.usefixtures("lost_name")
@pytest.mark.parametrize("mood", ["silent", "broken", "babbling", "forgetful"])
async def test_an_event_is_not_given_up_while_the_provider_cannot_be_asked(
    pretend, wait, event_names, rows, mood
):
    pretend.mood = mood
    await wait()
    assert {"webhook_id": "msg_9"} in await rows(OPEN)

    pretend.mood = "well"
    await wait()

    assert await event_names() == ["disputed"]


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_event_about_a_payment_that_is_not_ours_is_given_up_after_one_question(
    *, pretend, deliver, unmatched_for_long, wait, rows, is_known
):
    payment = pretend.make(reference="order-7")
    await deliver(*a_webhook(payment, webhook_id="msg_foreign"))
    if not is_known:
        del pretend.payments[payment["id"]]
    await unmatched_for_long()

    await wait()
    await wait()

    assert await rows(OPEN) == []
    assert pretend.asked == [("GET", f"/payments/{payment['id']}")]


async def test_an_event_that_matches_is_never_given_up(
    *, bought, pretend, send_webhook, unmatched_for_long, wait, rows
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")
    pretend.mood = "silent"
    await send_webhook(purchase)
    await unmatched_for_long()

    await wait()

    assert len(await rows(OPEN)) == 1
