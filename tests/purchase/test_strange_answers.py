"""Answers of the provider that no provider should give: none of them stops what is true in them."""

from datetime import UTC, datetime

import pytest

from tests.metrics import metric
from tests.purchase.conftest import GERMANY
from tests.purchase.pretend import a_webhook


def list_again(pretend, purchase, **about):
    """Let the provider list its newest dispute once more, with other words."""
    disputes = pretend.payment_of(purchase)["disputes"]
    disputes.append({**disputes[-1], **about})


@pytest.fixture
def contradictions():
    before = metric("ovation_contradictions_total", kind="dispute-states")
    return lambda: metric("ovation_contradictions_total", kind="dispute-states") - before


async def test_a_dispute_that_is_listed_twice_is_one(
    bought_in, pretend, send_webhook, event_names, contradictions
):
    purchase = await bought_in()
    pretend.dispute(purchase)
    list_again(pretend, purchase)

    assert (await send_webhook(purchase, "payment.disputed")).status_code == 200
    assert await event_names() == ["disputed"]
    assert contradictions() == 0


@pytest.mark.parametrize("states", [("open", "lost"), ("lost", "open")])
async def test_of_two_words_about_one_dispute_that_counts_which_claims_most(
    bought_in, pretend, send_webhook, event_names, rows, contradictions, states
):
    purchase = await bought_in()
    pretend.dispute(purchase, states[0], amount_minor=499)
    list_again(pretend, purchase, status=states[1])
    list_again(pretend, purchase, status="won", amount_minor=600)

    for _ in range(2):
        await send_webhook(purchase, "payment.disputed")

    assert await event_names() == ["disputed", "dispute_closed"]
    assert await rows("SELECT state, amount_minor FROM disputes") == [
        {"state": "lost", "amount_minor": 499}
    ]
    assert contradictions() > 0


async def test_a_warning_that_is_listed_twice_is_one(bought_in, pretend, send_webhook, event_names):
    purchase = await bought_in()
    pretend.payment_of(purchase)["warnings"] = [{"id": "efw_1", "reason": "stolen"}] * 2

    assert (await send_webhook(purchase, "payment.warned")).status_code == 200
    assert await event_names() == ["risk_flagged"]


@pytest.mark.parametrize("order", [1, -1])
async def test_of_two_refunds_under_our_reference_that_counts_whose_money_went(
    refund_requested, give_back, pretend, event_names, order
):
    pretend.lists, purchase = True, await refund_requested()
    await give_back()
    payment = pretend.payment_of(purchase)
    payment["refunds"] += [{**payment["refunds"][0], "id": "re_again", "status": "failed"}]
    payment["refunds"] = payment["refunds"][::order]

    await give_back()

    assert await event_names() == ["refund_requested", "refunded"]


@pytest.mark.parametrize("about", ["disputed", "refunded_minor", "fee_minor", "amount_minor"])
@pytest.mark.parametrize("number", [10**12 + 1, 2**63])
async def test_a_number_that_no_payment_has_is_no_answer(
    bought_in, pretend, send_webhook, event_names, about, number
):
    purchase = await bought_in()
    if about == "disputed":
        pretend.dispute(purchase, amount_minor=number)
    else:
        pretend.payment_of(purchase)[about] = number

    assert (await send_webhook(purchase, "payment.updated")).status_code == 200
    assert await event_names() == []


async def test_a_dispute_of_more_than_was_paid_is_followed(
    bought_in, pretend, send_webhook, event_names
):
    purchase = await bought_in()
    pretend.dispute(purchase, amount_minor=10**12)

    await send_webhook(purchase, "payment.disputed")

    assert await event_names() == ["disputed"]


@pytest.mark.parametrize(
    "paid_at",
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"),
        *("2400-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"),
    ],
)
async def test_a_clock_of_the_provider_that_is_wrong_changes_no_deadline(
    *, bought, pretend, send_webhook, credit, request_refund, rows, paid_at
):
    before = datetime.now(UTC)
    purchase = await bought("coins_500", claims=GERMANY)
    pretend.become(purchase, "succeeded")
    pretend.payment_of(purchase)["paid_at"] = paid_at

    await send_webhook(purchase)
    await credit(purchase, coins=525)

    (known,) = await rows("SELECT state, paid_at FROM purchases")
    assert known["state"] == "completed"
    assert before <= known["paid_at"] <= datetime.now(UTC)
    assert (await request_refund(purchase)).status_code == 202


async def test_money_of_which_a_part_had_gone_back_before_it_was_heard_of_buys_nothing(
    bought, pretend, send_webhook, read, event_names, balances
):
    """What is left is the price; but the part that went back would be taken from the coins."""
    purchase = await bought("coins_500", claims=GERMANY)
    pretend.become(purchase, "succeeded", amount_minor=998, refunded_minor=499)

    await send_webhook(purchase)

    assert (await read(purchase))["state"] == "mismatched"
    assert await event_names() == []
    assert await balances() == {"provider_clearing": 499, "unapplied_payments": -499}


CHANGED = [
    {"currency": "EUR"},
    {"amount_minor": 998},
    {"amount_minor": 0},
    {"currency": "EUR", "fee_minor": 7},
    {"currency": "EUR", "refunded_minor": 200},
]


@pytest.mark.parametrize("about", CHANGED, ids=str)
async def test_money_that_came_does_not_change_whatever_is_said_of_it_later(
    *, bought_in, pretend, send_webhook, event_names, balances, violations, about
):
    """A person is told, coins wait, and a dispute over the money is followed all the same."""
    counted = metric("ovation_contradictions_total", kind="payment-changed")
    purchase = await bought_in()
    pretend.payment_of(purchase).update(about)

    await send_webhook(purchase, "payment.updated")

    assert await event_names() == ["risk_flagged"]
    assert await balances() == {"provider_clearing": 499, "coin_sales": -499}
    assert metric("ovation_contradictions_total", kind="payment-changed") == counted + 1
    pretend.dispute(purchase, currency="USD", amount_minor=499)
    await send_webhook(purchase, "payment.updated")
    assert await event_names() == ["risk_flagged", "disputed"]
    assert await balances() == {"coin_sales": -499, "dispute_loss": 499}
    assert await violations() == []


async def test_money_that_bought_nothing_does_not_change_either(
    paid_twice, pretend, deliver, balances, violations
):
    second = await paid_twice()
    second |= {"currency": "EUR", "refunded_minor": 99, "amount_minor": 5}

    await deliver(*a_webhook(second))

    assert (await balances())["unapplied_payments"] == -99
    assert await violations() == []
