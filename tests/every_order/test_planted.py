"""Bugs that are put back on purpose are noticed by hearing facts in every order."""

import pytest

from tests.every_order.alphabet import orders_of
from tests.every_order.planted import BUGS, ORDERS, plant
from tests.every_order.run import Summary, run_orders
from tests.every_order.test_every_order import STORIES

OF_ORDERS = [bug.name for bug in BUGS if ORDERS in bug.caught_by]


@pytest.mark.parametrize("bug", OF_ORDERS)
async def test_a_bug_that_is_put_back_is_noticed(economy, monkeypatch, bug):
    plant(bug, monkeypatch.setattr)
    summary = Summary()
    orders = (order for facts in STORIES.values() for order in orders_of(facts))
    async for part in run_orders(economy, orders, ways=("once",)):
        summary.add(part)
    assert summary.differences
