"""What cannot be is recorded, told to people, and takes nothing from anybody meanwhile."""

from uuid import UUID

import pytest

from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import apply_statuses
from services.purchase.commands.queries import read_purchase
from services.purchase.commands.status_polls import StatusPoll, request_status
from tests.deliveries import announced
from tests.metrics import metric


@pytest.fixture
def counted():
    """How often something contradicted us since the test began, by kind."""

    def count(kind):
        return metric("ovation_contradictions_total", kind=kind)

    before = {kind: count(kind) for kind in KINDS}
    return lambda: {kind: n for kind in KINDS if (n := int(count(kind) - before[kind]))}


KINDS = (
    "dispute-currency",
    "payment-status",
    "payment-uncredited",
    "payment-foreign",
    "payment-vanished",
    "coins-unknown",
)


async def test_a_dispute_in_another_currency_waits_for_a_person_and_claims_nothing(
    *,
    bought_in,
    pretend,
    send_webhook,
    request_refund,
    event_names,
    balances,
    rows,
    counted,
    database,
):
    purchase = await bought_in()
    pretend.dispute(purchase, currency="JPY", amount_minor=1_600)
    for _ in range(2):
        await send_webhook(purchase, "payment.disputed")

    assert await event_names() == ["risk_flagged"]
    flagged = (await announced(database))[-1]
    assert (flagged["warning"], flagged["reason"]) == ("dispute:dp_1", "dispute-currency")
    assert counted() == {"dispute-currency": 1}
    assert await rows("SELECT currency, revision FROM disputes") == [
        {"currency": "JPY", "revision": 0}
    ]
    assert await balances() == {"provider_clearing": 499, "coin_sales": -499}
    assert (await request_refund(purchase)).json()["code"] == "purchase-disputed"


async def test_a_dispute_whose_currency_is_put_right_is_followed(
    bought_in, pretend, send_webhook, event_names
):
    purchase = await bought_in()
    for currency, status in (("JPY", "open"), ("USD", "open"), ("USD", "lost")):
        pretend.dispute(purchase, status, currency=currency)
        await send_webhook(purchase, "payment.disputed")

    assert await event_names() == ["risk_flagged", "disputed", "dispute_closed"]


async def test_a_dispute_whose_currency_changes_after_it_was_announced_stays_as_it_was(
    bought_in, pretend, send_webhook, event_names, balances, counted
):
    purchase = await bought_in()
    for currency in ("USD", "JPY"):
        pretend.dispute(purchase, currency=currency)
        await send_webhook(purchase, "payment.disputed")

    assert await event_names() == ["disputed", "risk_flagged"]
    assert (await balances())["dispute_loss"] == 499
    assert counted() == {"dispute-currency": 1}


async def test_money_that_came_and_is_said_not_to_have_come_is_flagged(
    bought_in, pretend, send_webhook, event_names, counted
):
    purchase = await bought_in()
    pretend.payment_of(purchase)["status"] = "failed"

    await send_webhook(purchase, "payment.failed")
    await send_webhook(purchase, "payment.failed")

    assert await event_names() == ["risk_flagged"]
    assert counted()["payment-status"] >= 1


async def test_money_that_bought_nothing_calls_a_person(paid_twice, counted):
    await paid_twice()

    assert counted() == {"payment-uncredited": 1}


async def test_a_payment_the_provider_has_forgotten_is_looked_for_and_then_told(
    bought, pretend, wait, event_names, counted
):
    purchase = await bought()
    pretend.payments.clear()

    await wait()
    assert (await event_names(), counted()) == ([], {"payment-vanished": 1})
    await wait(minutes=31)

    assert await event_names() == ["expired"]
    assert purchase


async def test_a_refusal_to_make_a_payment_that_exists_fails_nothing(
    bought, pretend, buy, read, turn_due, poll_due
):
    """The request under the same key differs, as after a change of the return address."""
    pretend.mood = "forgetful"
    purchase = await bought()
    pretend.mood = "well"
    pretend.payment_answer = (422, {"json": {"type": "amount-too-small"}})

    await turn_due()
    await poll_due()

    assert (await read(purchase))["state"] == "pending"


async def test_an_answer_from_before_another_one_changes_nothing(
    bought_in, pretend, provider, database, send_webhook, event_names
):
    """Of two workers the slower one read the payment first: what it read is old news."""
    made = await bought_in()
    pretend.dispute(made, "open")
    purchase = await _purchase(database, made)
    slow = await request_status(provider, StatusPoll(purchase))
    pretend.dispute(made, "open", amount_minor=400)
    await send_webhook(made, "payment.disputed")
    known = await event_names()

    async with database.part_for("mira").transaction() as tx:
        await apply_statuses(tx, [PolledStatus(purchase, slow)])

    assert await event_names() == known


async def test_a_dispute_that_was_won_is_open_again_only_if_a_newer_answer_says_so(
    bought_in, pretend, send_webhook, event_names
):
    made = await bought_in()
    for status in ("open", "won", "open", "lost"):
        pretend.dispute(made, status)
        await send_webhook(made, "payment.disputed")

    assert await event_names() == ["disputed", "dispute_closed", "disputed", "dispute_closed"]


async def _purchase(database, made):
    async with database.transaction() as tx:
        return await read_purchase(tx, "mira", UUID(made))
