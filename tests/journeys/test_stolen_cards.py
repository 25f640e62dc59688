"""Two stolen cards, one creator: no diamond stands on money that was taken back, nor too early."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.contracts.purchase import PurchaseDisputeClosed, PurchaseDisputed, PurchasePaid
from tests.journeys.world import opened_world

GIFTS, COINS_A_GIFT = 11, 900
LOST = GIFTS * COINS_A_GIFT


@pytest.fixture
def world(postgres, template_of, credentials):
    with opened_world(postgres, template_of, credentials) as world:
        yield world


def buy(world, coins):
    paid = PurchasePaid(
        purchase=uuid4(),
        viewer="thief",
        package="any",
        coins=coins,
        amount_minor=coins,
        currency="USD",
        channel="web",
        country="US",
        provider="sandbox",
        payment="pay",
        paid_at=datetime.now(UTC),
    )
    world.publish(paid)
    world.finish()
    return paid


def charge_back(world, paid):
    about = {
        "purchase": paid.purchase,
        "viewer": "thief",
        "dispute": f"dp_{paid.purchase}",
        "amount_minor": paid.amount_minor,
        "currency": "USD",
    }
    world.publish(PurchaseDisputed(**about, revision=1, reason="fraudulent"))
    world.publish(PurchaseDisputeClosed(**about, revision=2, won=False))
    world.finish()


def give(world):
    for _ in range(GIFTS):
        world.ask_for_gift("thief", "friend", COINS_A_GIFT)
        world.collect()
    world.finish()


def diamonds(world):
    rows = world.rows(
        "payout",
        "SELECT kind, balance FROM accounts WHERE user_id = 'friend' AND asset = 'diamonds'",
    )
    return {row["kind"]: row["balance"] for row in rows if row["balance"]}


def test_what_a_second_card_settles_waits_and_goes_when_that_card_is_charged_back(world):
    first = buy(world, 10_000)
    give(world)
    charge_back(world, first)
    world.mature(15)
    world.finish()

    second = buy(world, 10_000)
    assert diamonds(world) == {"pending": LOST}
    assert world.cash_out("friend") is None

    charge_back(world, second)
    assert diamonds(world) == {}
    (row,) = world.rows("payout", "SELECT sum(reversed_diamonds)::int AS lost FROM earnings")
    assert row["lost"] == LOST
    assert world.faults() == []


def test_what_a_second_card_settles_within_the_hold_goes_with_it_as_well(world):
    first = buy(world, 10_000)
    give(world)
    charge_back(world, first)

    charge_back(world, buy(world, 10_000))

    assert diamonds(world) == {}
    assert world.faults() == []
