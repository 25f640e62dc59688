"""
Whatever order facts are heard in, and however often, everybody ends with what the facts say.

`make orders` does all of this for every set of up to five facts; here are all smaller sets, and of
the larger ones those that once went wrong and a sample that is the same every time.
"""

import random

import pytest

from tests.every_order.alphabet import GIFTS, PURCHASES, orders_of, sets_of
from tests.every_order.facts import (
    CashedOut,
    Disputed,
    Flagged,
    Gift,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
    TimePasses,
)
from tests.every_order.run import Summary, run_orders

SEED, SAMPLED = 11, 20
A, B = PURCHASES
X4, X10, Y6 = GIFTS
ASKED, GONE, STAYS = (
    RefundRequested("A", "re_A"),
    Refunded("A", "re_A"),
    RefundDeclined("A", "re_A"),
)


def disputed(paid, dispute="dp_1"):
    return Disputed(paid.purchase, dispute, 1, paid.price_minor)


def closed(paid, *, won, dispute="dp_1"):
    return Disputed(paid.purchase, dispute, 2, paid.price_minor, won=won)


@pytest.fixture
def end_alike(economy):
    async def run(orders, ways=("once", "twice", "late")):
        summary = Summary()
        async for part in run_orders(economy, orders, ways=ways):
            summary.add(part)
        assert summary.facts
        assert not summary.differences, "\n".join(summary.shown.values())

    return run


STORIES = {
    "a-debt-settled-by-money-that-is-taken-back-reopens": (A, X10, disputed(A), B, disputed(B)),
    "a-refund-and-a-dispute-end-with-the-money-or-the-coins": (
        *(A, ASKED, GONE),
        *(disputed(A), closed(A, won=True)),
    ),
    "a-refund-that-fails-later-gives-its-coins-back": (A, X4, ASKED, GONE, STAYS),
    "what-is-warned-of-can-be-refunded": (A, X4, Flagged("A"), ASKED, GONE),
    "a-declined-refund-does-not-lift-a-warning": (A, Flagged("A"), ASKED, STAYS),
    "an-open-refund-meets-a-lost-dispute": (A, ASKED, disputed(A), closed(A, won=False), X4),
    "what-a-won-dispute-brings-back-waits": (
        *(A, X10, disputed(A)),
        *(closed(A, won=True), TimePasses()),
    ),
    "a-bonus-is-claimed-like-the-coins-it-came-with": (A, Y6, Disputed("A", "dp_1", 1, 3), B),
    "a-dispute-in-another-currency-claims-all": (
        *(A, X4, B),
        Disputed("A", "dp_1", 1, 1, currency="EUR"),
    ),
    "what-is-taken-back-of-a-shared-gift-is-taken-from-all": (A, Y6, TimePasses(), disputed(A)),
    "money-that-is-gone-is-the-operators-loss": (A, X10, TimePasses(), CashedOut("X"), disputed(A)),
}


@pytest.mark.parametrize("story", STORIES)
async def test_every_order_of_a_story_that_once_went_wrong_ends_alike(end_alike, story):
    await end_alike(orders_of(STORIES[story]))


async def test_coins_that_come_back_settle_the_other_debts(end_alike):
    """A and C are spent and disputed, B settles one debt, then A is won; a sample of orders."""
    older, newer = Paid("A", 10, 10, age=0), Paid("C", 10, 10, age=2)
    story = (
        *(older, newer, Paid("B", 10, 10, age=1)),
        *(Gift("x10", "X", 10), Gift("y10", "Y", 10)),
        *(disputed(older), disputed(newer), closed(older, won=True)),
    )
    orders = [random.Random(seed).sample(story, len(story)) for seed in range(600)]
    await end_alike(map(tuple, orders), ways=("once", "late"))


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_every_order_of_every_set_of_up_to_three_facts_ends_alike(end_alike, size):
    await end_alike(order for facts in sets_of(size) for order in orders_of(facts))


async def test_every_order_of_every_set_of_four_facts_ends_alike(end_alike):
    orders = (order for facts in sets_of(4) for order in orders_of(facts))
    await end_alike(orders, ways=("once",))


@pytest.mark.parametrize(
    ("size", "ways"), [(4, ("twice", "late")), (5, ("once",)), (5, ("late",))], ids=str
)
async def test_every_order_of_some_larger_sets_ends_alike(end_alike, size, ways):
    some = random.Random(SEED).sample(list(sets_of(size)), SAMPLED * (6 - size) * (6 - size))
    await end_alike((order for facts in some for order in orders_of(facts)), ways=ways)
