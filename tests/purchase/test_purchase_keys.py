"""The key of a request: it buys once, whatever is repeated."""

import asyncio

import pytest


async def test_the_same_key_buys_once(buy, pretend):
    first, second = await buy(), await buy()

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(pretend.payments) == 1


async def test_the_same_key_at_the_same_time_buys_once(buy, pretend, rows):
    answers = await asyncio.gather(*[buy() for _ in range(16)])

    assert {answer.json()["purchase"] for answer in answers} == {answers[0].json()["purchase"]}
    assert {answer.status_code for answer in answers} == {201}
    assert len(pretend.payments) == 1
    assert len(await rows("SELECT 1 FROM purchases")) == 1


@pytest.mark.parametrize(
    "other", [{"package": "coins_500"}, {"currency": "JPY"}, {"package": "custom", "coins": 99}]
)
async def test_a_key_that_comes_back_with_another_wish_is_refused(bought, buy, other):
    purchase = await bought()

    answer = await buy(**other)

    assert (answer.status_code, answer.json()["code"]) == (422, "key-reused")
    assert answer.json()["purchase"] == purchase


async def test_two_viewers_may_use_the_same_key(bought):
    assert await bought(viewer="mira") != await bought(viewer="otto")


async def test_no_two_pairs_of_viewer_and_key_are_one_purchase(bought):
    """Host applications do have users like `auth0|7`."""
    assert await bought(viewer="auth0|7", key="1") != await bought(viewer="auth0", key="7|1")


async def test_a_purchase_is_repeatable_once_it_is_completed(buy, bought, pay, credit):
    purchase = await bought()
    await pay(purchase)
    await credit(purchase)

    answer = await buy()

    assert (answer.status_code, answer.json()["state"]) == (201, "completed")
    assert answer.json()["next_action"] is None
