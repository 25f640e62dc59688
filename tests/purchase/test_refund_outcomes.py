"""
What becomes of a refund once the provider is asked: only its documented refusal is one, what is
unknown is looked for, and nobody ends with the money and the coins.
"""

import pytest

from services.purchase.commands.refund_attempts import apply_attempt, claim_refunds, run_attempt
from tests.deliveries import announced
from tests.metrics import metric
from tests.purchase.wallet_events import coins_held


def contradictions(kind):
    return metric("ovation_contradictions_total", kind=kind)


@pytest.fixture
def answer_refunds(pretend):
    def answer(status, **content):
        pretend.refund_answer = (status, content)

    return answer


async def test_money_given_back_on_the_dashboard_before_ours_was_sent_is_a_refund_elsewhere(
    *, refund_requested, give_back, send_webhook, pretend, event_names, refund_of
):
    purchase = await refund_requested()
    pretend.payment_of(purchase)["refunded_minor"] = 499
    await send_webhook(purchase, "refund.succeeded")
    pretend.mood = "stingy"
    await give_back()

    assert await event_names() == [
        "refund_requested",
        "disputed",
        "dispute_closed",
        "refund_declined",
    ]
    assert (await refund_of(purchase))["reason"] == "disputed"


async def test_a_refusal_is_no_decline_if_the_money_went_by_other_ways(
    refund_requested, give_back, pretend, event_names
):
    """The dashboard was faster, its webhook is slower, and nothing is left to refund."""
    purchase = await refund_requested()
    pretend.payment_of(purchase)["refunded_minor"] = 499
    pretend.mood = "stingy"

    await give_back()

    assert await event_names() == ["refund_requested", "refunded"]


async def test_a_refusal_is_no_decline_while_nobody_can_look(
    refund_requested, give_back, pretend, answer_refunds, refund_of
):
    purchase = await refund_requested()
    answer_refunds(422, json={"type": "refund-too-large"})
    pretend.mood = "blind"
    await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"

    pretend.mood = "well"
    await give_back()
    assert (await refund_of(purchase))["reason"] == "refund-too-large"


@pytest.mark.parametrize("status", [401, 403, 404, 408, 409, 425, 429, 500, 503, 200, 201, 302])
async def test_what_is_no_documented_refusal_says_nothing(
    *, refund_requested, give_back, answer_refunds, pretend, refund_of, event_names, status
):
    purchase = await refund_requested()
    answer_refunds(status, json={"type": "whatever"})
    await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"

    pretend.refund_answer = None
    await give_back()
    assert await event_names() == ["refund_requested", "refunded"]
    assert pretend.payment_of(purchase)["refunded_minor"] == 499


@pytest.mark.parametrize(
    "content",
    [
        {"content": b"<html>"},
        {"content": b""},
        {"json": []},
        {"json": {"type": 7}},
        {"json": {"type": "key-reused"}},
    ],
)
async def test_a_refusal_that_cannot_be_read_says_nothing(
    refund_requested, give_back, answer_refunds, refund_of, content
):
    purchase = await refund_requested()
    answer_refunds(422, **content)

    await give_back()

    assert (await refund_of(purchase))["state"] == "frozen"


async def test_a_key_that_is_in_use_declines_nothing_that_is_being_made(
    refund_requested, give_back, send_webhook, pretend, event_names
):
    """The answer is lost, the retry meets the first request."""
    purchase = await refund_requested()
    pretend.mood = "forgetful"
    await give_back()
    pretend.mood = "busy"
    await give_back()

    assert pretend.payment_of(purchase)["refunded_minor"] == 499
    assert await event_names() == ["refund_requested", "refunded"]


async def test_the_webhook_of_a_refund_whose_answer_was_lost_is_enough(
    refund_requested, give_back, send_webhook, pretend, event_names
):
    purchase = await refund_requested()
    pretend.mood = "forgetful"
    await give_back()
    pretend.mood = "well"

    await send_webhook(purchase, "refund.succeeded")

    assert await event_names() == ["refund_requested", "refunded"]


async def test_a_refund_that_failed_at_once_is_not_done(
    refund_requested, give_back, pretend, event_names, refund_of, balances
):
    pretend.refund_status = "failed"
    purchase = await refund_requested()

    await give_back()

    assert await event_names() == ["refund_requested", "refund_declined"]
    assert (await refund_of(purchase))["reason"] == "failed"
    assert await balances() == {"provider_clearing": 499, "coin_sales": -499}


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize(
    ("status", "name"), [("succeeded", "refunded"), ("failed", "refund_declined")]
)
async def test_a_refund_that_was_only_accepted_is_waited_for_and_not_asked_for_again(
    *,
    refund_requested,
    give_back,
    send_webhook,
    pretend,
    event_names,
    refund_of,
    lists,
    status,
    name,
):
    pretend.refund_status, pretend.lists = "pending", lists
    purchase = await refund_requested()
    for _ in range(3):
        await give_back()
    assert (await refund_of(purchase))["state"] == "frozen"
    assert len([each for each in pretend.asked if each[1].endswith("/refunds")]) == 1

    pretend.close_refund(status)
    await send_webhook(purchase, f"refund.{status}")

    # Without a list nothing says that it failed: a person will be asked for it.
    assert await event_names() == [
        "refund_requested",
        *([name] if lists or status == "succeeded" else []),
    ]


@pytest.mark.parametrize("lists", [True, False])
async def test_a_refund_that_fails_after_it_was_made_gives_the_coins_back_and_leaves_the_books(
    *, refund_requested, give_back, send_webhook, pretend, event_names, refund_of, balances, lists
):
    pretend.lists = lists
    purchase = await refund_requested()
    await give_back()
    assert await balances() == {"coin_sales": -499, "refunds": 499}

    pretend.close_refund("failed")
    await send_webhook(purchase, "refund.failed")
    await send_webhook(purchase, "refund.failed")

    assert await event_names() == ["refund_requested", "refunded", "refund_declined"]
    assert (await refund_of(purchase))["reason"] == "failed"
    assert await balances() == {"provider_clearing": 499, "coin_sales": -499}


async def test_that_a_refund_failed_later_is_found_without_any_webhook(
    refund_requested, give_back, age_refunds, pretend, event_names
):
    await refund_requested()
    await give_back()
    pretend.close_refund("failed")

    await age_refunds(hours=1)
    await give_back()

    assert await event_names() == ["refund_requested", "refunded", "refund_declined"]


async def test_what_was_refunded_can_be_asked_for_again_once_it_has_failed(
    refund_requested, request_refund, consume, give_back, send_webhook, pretend, event_names
):
    purchase = await refund_requested()
    await give_back()
    pretend.close_refund("failed")
    await send_webhook(purchase, "refund.failed")

    again = (await request_refund(purchase, key="refund-2")).json()["refund"]
    await consume(coins_held(purchase, again))
    await give_back()

    assert (await event_names())[-2:] == ["refund_requested", "refunded"]
    assert pretend.payment_of(purchase)["refunded_minor"] == 499


async def test_money_that_goes_after_we_declined_is_found_later(
    refund_requested, give_back, age_refunds, pretend, event_names
):
    """The provider said no, and did it all the same."""
    purchase = await refund_requested()
    pretend.mood = "stingy"
    await give_back()
    pretend.mood = "well"
    assert (await event_names())[-1] == "refund_declined"

    pretend.payment_of(purchase)["refunded_minor"] = 499
    await age_refunds(hours=1)
    await give_back()

    assert (await event_names())[-2:] == ["disputed", "dispute_closed"]


async def test_after_the_providers_window_a_refund_is_only_looked_at_and_a_person_is_told(
    *, refund_requested, give_back, age_refunds, pretend, event_names, rows
):
    before = contradictions("refund-unresolved")
    purchase = await refund_requested()
    pretend.mood = "silent"
    await give_back()
    await age_refunds(hours=24)
    pretend.mood = "well"

    for _ in range(3):
        await give_back()

    assert [each for each in pretend.asked if each[1].endswith("/refunds")][1:] == []
    assert await event_names() == ["refund_requested"]
    assert contradictions("refund-unresolved") - before == 1
    pretend.payment_of(purchase)["refunded_minor"] = 499  # that person gives it back by hand
    await give_back()
    assert await event_names() == ["refund_requested", "refunded"]


async def test_a_refund_that_waited_long_for_its_first_turn_is_still_asked_for(
    refund_requested, give_back, age_refunds, event_names
):
    await refund_requested()
    await age_refunds(hours=48)

    await give_back()

    assert await event_names() == ["refund_requested", "refunded"]


async def test_two_workers_ask_for_a_refund_once_at_a_time(
    refund_requested, database, provider, pretend, event_names
):
    await refund_requested()
    async with database.part_for("mira").transaction() as tx:
        (attempt,), _ = await claim_refunds(tx, {"sandbox": provider})
    async with database.part_for("mira").transaction() as tx:
        assert await claim_refunds(tx, {"sandbox": provider}) == ([], False)
    result = await run_attempt(provider, attempt)

    for _ in range(2):
        await apply_attempt(database, attempt, result)

    assert await event_names() == ["refund_requested", "refunded"]


async def test_a_look_that_was_taken_before_the_money_went_does_not_undo_it(
    *, refund_requested, give_back, database, provider, pretend, event_names
):
    await refund_requested()
    async with database.part_for("mira").transaction() as tx:
        (attempt,), _ = await claim_refunds(tx, {"sandbox": provider})
    early = await provider.read(attempt.purchase.payment)
    result = await run_attempt(provider, attempt)
    await apply_attempt(database, attempt, result)

    for answer in (result.answer, type(result.answer)(attempt.refund.id, result.answer.turn)):
        await apply_attempt(database, attempt, type(result)(answer, early))

    assert await event_names() == ["refund_requested", "refunded"]


async def test_what_is_refunded_says_so_with_its_amounts_once(
    refund_requested, give_back, database
):
    await refund_requested()
    await give_back()
    await give_back()

    (refunded,) = await announced(database, "purchase.refunded")
    assert (refunded["amount_minor"], refunded["coins"]) == (499, 525)
