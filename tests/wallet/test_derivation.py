"""
The end is a function of the facts: refunds, disputes, warnings and debts that meet each other.

A viewer ends with the money or with the coins, never with both, whatever was heard first.
"""

from itertools import permutations
from uuid import uuid4

import pytest

from services.wallet.store.invariants import INVARIANTS
from shared.ledger.verification import Violation, verify_ledger
from tests.clients import a_token, client_of
from tests.deliveries import announced, forget_inbox
from tests.metrics import metric
from tests.wallet.conftest import a_gift_requested, a_purchase_paid
from tests.wallet.test_purchase_events import (
    closed,
    disputed,
    flagged,
    refund_declined,
    refund_requested,
    refunded,
    reversed_coins,
)


@pytest.fixture
def violations(database):
    async def look():
        async with database.snapshot() as tx:
            return [
                found
                async for found in verify_ledger(tx, INVARIANTS)
                if isinstance(found, Violation)
            ]

    return look


@pytest.fixture
def release(app):
    """Let an operator release coins that a warning holds."""

    async def ask(warning="efw_1", user="mira"):
        token = a_token("ann", roles=["operator"], scope="wallets:freeze")
        async with client_of(app, token) as ann:
            path = f"/v1/operator/wallets/{user}/freezes/risk:{warning}/release"
            assert (await ann.post(path, json={"reason": "a mistake"})).status_code == 204

    return ask


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_refunded_coins_stay_gone_when_the_dispute_is_won(hear, held, violations, order):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    await hear(refund_requested(paid, refund))
    story = (refunded(paid, refund, 100), disputed(paid), closed(paid, won=True))

    for place in order:
        await hear(story[place])

    assert await held() == (0, 0, 0)
    assert await violations() == []


async def test_coins_of_a_refund_under_way_stay_held_when_the_dispute_is_won(hear, held):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    await hear(refund_requested(paid, refund))

    await hear(disputed(paid))
    await hear(closed(paid, won=True))

    assert await held() == (0, 100, 0)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_a_refund_that_fails_later_gives_the_coins_back(hear, held, violations, order):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    story = (
        refund_requested(paid, refund),
        refunded(paid, refund, 100),
        refund_declined(paid, refund),
    )

    for place in order:
        await hear(story[place])

    assert await held() == (100, 0, 0)
    assert await violations() == []


async def test_money_that_went_back_for_spent_coins_is_owed(hear, held, violations, database):
    """The refund took more than was unspent: the rest was given away, and its gift follows."""
    paid, refund = a_purchase_paid(coins=100), uuid4()
    gift = a_gift_requested(coins=40)
    await hear(paid)
    await hear(gift)

    await hear(refunded(paid, refund, 100))

    assert await held() == (0, 0, 40)
    assert await reversed_coins(database) == {str(gift.gift): 40}
    assert await violations() == []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_a_refund_and_a_dispute_over_a_part_each_take_coins_of_their_own(
    hear, held, violations, order
):
    """60 of 100 coins were refunded, and the bank took half of the price: none has its money."""
    paid, refund = a_purchase_paid(coins=80, bonus_coins=20, amount_minor=100), uuid4()
    await hear(paid)
    await hear(a_gift_requested(coins=40))
    story = (
        refund_requested(paid, refund),
        refunded(paid, refund, 60),
        disputed(paid, amount_minor=50),
    )

    for place in order:
        await hear(story[place])

    assert await held() == (0, 0, 40)
    assert await violations() == []


async def test_a_gift_stands_reversed_when_what_settled_its_debt_is_charged_back_too(
    hear, held, database, violations
):
    first, second = a_purchase_paid(coins=100), a_purchase_paid(coins=100)
    gift = a_gift_requested(coins=100)
    await hear(first)
    await hear(gift)
    await hear(disputed(first))
    await hear(second)
    assert await reversed_coins(database) == {}

    await hear(disputed(second, dispute="dp_2"))

    assert await reversed_coins(database) == {str(gift.gift): 100}
    assert await held() == (0, 0, 100)
    assert await violations() == []


async def test_a_debt_is_open_again_while_a_warning_holds_what_had_settled_it(
    hear, held, database, release, violations
):
    first, second = a_purchase_paid(coins=100), a_purchase_paid(coins=300)
    gift = a_gift_requested(coins=100)
    await hear(first)
    await hear(gift)
    await hear(disputed(first))
    await hear(second)
    assert await held() == (200, 0, 0)

    await hear(flagged(second))
    assert await held() == (0, 300, 100)
    assert await reversed_coins(database) == {str(gift.gift): 100}

    await release()
    assert await held() == (200, 0, 0)
    assert await reversed_coins(database) == {}
    assert await violations() == []


@pytest.mark.parametrize("bought", ["before-the-dispute", "after-the-dispute"])
async def test_a_debt_is_settled_by_coins_that_are_there_whenever_they_came(hear, held, bought):
    first, second = a_purchase_paid(coins=100), a_purchase_paid(coins=300)
    await hear(first)
    await hear(a_gift_requested(coins=100))

    for fact in (
        (second, disputed(first)) if bought.startswith("before") else (disputed(first), second)
    ):
        await hear(fact)

    assert await held() == (200, 0, 0)


async def test_coins_that_come_back_settle_what_is_still_owed(hear, held, violations):
    """Two purchases are spent and disputed, a third settles the first; then the first is won."""
    first, second, third = (a_purchase_paid(coins=100) for _ in range(3))
    for paid in (first, second):
        await hear(paid)
        await hear(a_gift_requested(coins=100))
    await hear(disputed(first), disputed(second, dispute="dp_2"))
    await hear(third)
    assert await held() == (0, 0, 100)

    await hear(closed(first, won=True))

    assert await held() == (0, 0, 0)
    assert await violations() == []


async def test_promotional_coins_settle_no_debt(hear, held, app):
    """They earn creators nothing, so a gift that was taken back is worth nothing by them."""
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(a_gift_requested(coins=100))
    asked = {"user": "mira", "amount": 50, "reason": "goodwill"}
    scope = "adjustments:write"
    async with client_of(app, a_token("ann", roles=["operator"], scope=scope)) as ann:
        path = "/v1/operator/wallet/adjustments"
        answer = await ann.post(path, json=asked, headers={"Idempotency-Key": "k"})
    async with client_of(app, a_token("ben", roles=["operator"], scope=scope)) as ben:
        await ben.post(f"{path}/{answer.json()['adjustment']}/approve")

    await hear(disputed(paid))

    assert await held() == (50, 0, 100)


async def test_what_a_warning_holds_can_still_be_refunded(hear, held, database):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    await hear(flagged(paid))
    assert await held() == (0, 100, 0)

    await hear(refund_requested(paid, refund))

    held_coins = (await announced(database, "wallet.coins_frozen"))[-1]
    assert (held_coins["freeze"], held_coins["coins"]) == (str(refund), 100)
    await hear(refunded(paid, refund, 100))
    assert await held() == (0, 0, 0)


@pytest.mark.parametrize("warned", ["before-asking", "while-asked"])
async def test_a_refund_that_is_declined_leaves_the_coins_with_the_warning(hear, held, warned):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(paid)
    for fact in (
        (flagged(paid), refund_requested(paid, refund))
        if warned == "before-asking"
        else (refund_requested(paid, refund), flagged(paid))
    ):
        await hear(fact)

    await hear(refund_declined(paid, refund))

    assert await held() == (0, 100, 0)


async def test_coins_stay_held_until_the_last_warning_is_released(hear, held, release):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(flagged(paid), flagged(paid, "efw_2"))

    await release("efw_1")
    assert await held() == (0, 100, 0)
    await release("efw_2")

    assert await held() == (100, 0, 0)


async def test_coins_that_come_back_to_a_warned_purchase_are_held(hear, held):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(disputed(paid))
    await hear(flagged(paid))
    assert await held() == (0, 0, 0)

    await hear(closed(paid, won=True))

    assert await held() == (0, 100, 0)


async def test_a_dispute_in_another_currency_takes_all_and_calls_for_a_person(hear, held):
    """Its amount says nothing about the price: $10.40 may be all of 1,600 yen, or a part."""
    counted = metric("ovation_contradictions_total", kind="dispute-currency")
    paid = a_purchase_paid(coins=1_000, amount_minor=1_600, currency="JPY")
    await hear(paid)

    await hear(disputed(paid, amount_minor=1_040))

    assert await held() == (0, 0, 0)
    assert metric("ovation_contradictions_total", kind="dispute-currency") > counted


@pytest.mark.parametrize("first", ["the-purchase", "the-request"])
async def test_a_request_that_comes_before_its_purchase_is_answered_with_its_coins(
    hear, database, first
):
    """Told that nothing is unused, the purchase service would decline a rightful refund."""
    paid, refund = a_purchase_paid(coins=100), uuid4()
    facts = (paid, refund_requested(paid, refund))
    for fact in facts if first == "the-purchase" else reversed(facts):
        await hear(fact)
    await forget_inbox(database)
    await hear(*facts)

    answers = {
        (fact["freeze"], fact["coins"]) for fact in await announced(database, "wallet.coins_frozen")
    }

    assert answers == {(str(refund), 100)}


async def test_a_refund_that_comes_before_its_purchase_is_answered_with_its_coins(hear, database):
    paid, refund = a_purchase_paid(coins=100), uuid4()
    await hear(refunded(paid, refund, 100))
    await hear(paid)

    (gone,) = await announced(database, "wallet.coins_refunded")

    assert gone["coins"] == 100


@pytest.mark.parametrize("length", [59, 60, 123, 124, 128])
async def test_a_warning_whose_id_is_as_long_as_an_id_may_be_holds_coins_until_it_is_released(
    hear, held, database, release, length
):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(flagged(paid, "w" * length), flagged(paid, "w" * (length - 1) + "x"))
    assert await held() == (0, 100, 0)
    keys = {fact["freeze"] for fact in await announced(database, "wallet.coins_frozen")}
    assert len(keys) == 2

    for key in keys:
        await release(key.removeprefix("risk:"))

    assert await held() == (100, 0, 0)
