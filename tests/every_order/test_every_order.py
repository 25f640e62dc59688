"""Whatever order facts are heard in, and however often, everybody ends with the same."""

import time

import pytest

from tests.every_order.alphabet import orders_of, sets_of
from tests.every_order.run import Summary, run_orders


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_every_order_of_every_small_set_ends_as_the_facts_say(economy, size):
    summary, started = Summary(), time.monotonic()
    orders = (order for facts in sets_of(size) for order in orders_of(facts))
    async for part in run_orders(economy, orders):
        summary.add(part)
    print(summary.orders, summary.duplicates, summary.differences, time.monotonic() - started)
    assert summary.differences == 0, "\n".join(summary.shown.values())
