"""
Larger sets, with three purchases and any amounts: some orders of each end as the facts say.

OVATION_SETS says how many sets are tried, others each time; without it they are always the same.
"""

import asyncio
import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.every_order.economy import an_economy
from tests.every_order.facts import (
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

SETS = int(os.environ.get("OVATION_SETS", "15"))
IS_FIXED = "OVATION_SETS" not in os.environ
FACTS_MIN, FACTS_MAX, ORDERS = 6, 12, 20


@st.composite
def purchases(draw, name, age):
    """A purchase with some of what may happen to it."""
    paid = Paid(
        name,
        draw(st.integers(1, 12)),
        draw(st.integers(1, 15)),
        draw(st.sampled_from([0, 0, 1, 3])),
        age=age,
    )
    facts = [paid]
    for dispute in draw(st.sampled_from([(), ("dp_1",), ("dp_1",), ("dp_1", "dp_2")])):
        minor = draw(st.integers(1, paid.price_minor))
        currency = draw(st.sampled_from(["USD"] * 7 + ["EUR"]))
        facts.append(Disputed(name, dispute, 1, minor, currency=currency))
        won = draw(st.sampled_from([None, True, False]))
        if won is not None:
            facts.append(Disputed(name, dispute, 2, minor, won, currency))
    if draw(st.integers(0, 3)) == 0:
        facts.append(Flagged(name))
    refund = f"re_{name}"
    ends = (Refunded(name, refund), RefundDeclined(name, refund))
    facts += draw(
        st.sampled_from([(), (), *((RefundRequested(name, refund), *ends[n:]) for n in (0, 1, 2))])
    )
    return facts


@st.composite
def sets(draw):
    """Three purchases, up to four gifts, and time that passes."""
    facts = [fact for age, name in enumerate("ABC") for fact in draw(purchases(name, age))]
    facts += [
        Gift(f"g{number}", draw(st.sampled_from("XY")), draw(st.integers(1, 15)))
        for number in range(draw(st.integers(1, 4)))
    ]
    if draw(st.booleans()):
        facts.append(TimePasses())
    return facts[:FACTS_MAX]


@st.composite
def orders(draw):
    facts = draw(sets().filter(lambda facts: len(facts) >= FACTS_MIN))
    shuffled = random.Random(draw(st.integers(0, 2**32)))
    found = []
    time_passes = [fact for fact in facts if isinstance(fact, TimePasses)]
    others = [fact for fact in facts if fact not in time_passes]
    # At the same place in all of them, so that they can be heard together.
    place = shuffled.randrange(len(others))
    for _ in range(ORDERS):
        shuffled.shuffle(others)
        found.append((*others[:place], *time_passes, *others[place:]))
    return found


@pytest.fixture
def run(postgres, template_of, credentials):
    """Run orders in one economy and one loop, for all examples."""
    with asyncio.Runner() as runner:
        opened = an_economy(postgres, template_of, credentials)
        economy = runner.run(opened.__aenter__())

        async def all_of(orders):
            summary = Summary()
            async for part in run_orders(economy, orders):
                summary.add(part)
            return summary

        yield lambda orders: runner.run(all_of(orders))
        runner.run(opened.__aexit__(None, None, None))


def test_any_order_of_any_larger_set_ends_as_the_facts_say(run):
    @settings(
        max_examples=SETS,
        derandomize=IS_FIXED,
        # A set is small and its orders are named: making it smaller costs more than it tells.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(orders())
    def ends_alike(orders):
        summary = run(orders)
        assert not summary.differences, "\n".join(summary.shown.values())

    ends_alike()


def test_diamonds_that_came_back_wait_also_where_their_return_was_heard_first(run):
    claimed = Disputed("A", "dp_1", 1, 4, currency="USD")
    won = Disputed("A", "dp_1", 2, 4, won=True, currency="USD")
    gifts = (Gift("g0", "Y", 4), *(Gift(f"g{number}", "X", 1) for number in (1, 2, 3)))

    summary = run([(Paid("A", 4, 4, 0, age=0), *gifts, TimePasses(), claimed, won)] * 6)

    assert not summary.differences, "\n".join(summary.shown.values())
