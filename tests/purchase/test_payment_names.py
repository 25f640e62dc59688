"""A webhook event that says no more than what the provider calls a payment finds its purchase."""

import pytest

from tests.purchase.pretend import a_webhook


@pytest.fixture
async def paid(bought, pretend, pay):
    """A purchase whose payment has other names, of which the paying webhook told us nothing."""
    purchase = await bought()
    pretend.payment_of(purchase)["names"] = ["pi_1", "ch_1"]
    await pay(purchase)
    return purchase


async def test_a_dispute_that_names_the_charge_alone_is_acted_on(
    paid, pretend, deliver, event_names
):
    pretend.dispute(paid, "open")

    answer = await deliver(*a_webhook({"id": "ch_1"}, kind="charge.dispute.created"))

    assert answer.status_code == 200
    assert await event_names() == ["disputed"]


async def test_a_dispute_is_acted_on_later_if_its_webhook_was_the_first_to_come(
    bought, pretend, deliver, pay, wait, event_names
):
    purchase = await bought()
    pretend.payment_of(purchase)["names"] = ["ch_1"]
    await deliver(*a_webhook({"id": "ch_1"}, kind="charge.dispute.created"))
    await pay(purchase)
    assert await event_names() == []
    pretend.dispute(purchase, "open")

    await wait()

    assert await event_names() == ["disputed"]


async def test_a_name_that_no_payment_has_is_stored_and_leads_to_nothing(
    paid, deliver, rows, event_names
):
    await deliver(*a_webhook({"id": "ch_2"}, kind="charge.dispute.created"))

    assert await event_names() == []
    (stored,) = await rows("SELECT purchase FROM webhook_events WHERE payment = 'ch_2'")
    assert stored["purchase"] is None


async def test_a_name_stays_with_the_payment_that_had_it_first(
    paid, bought, pretend, pay, deliver, rows
):
    other = await bought(key="key-2")
    pretend.payment_of(other)["names"] = ["ch_1", "ch_2"]
    await pay(other)

    found = await rows("SELECT name, purchase FROM payment_names WHERE name LIKE 'ch_%'")

    assert {each["name"]: str(each["purchase"]) for each in found} == {"ch_1": paid, "ch_2": other}
