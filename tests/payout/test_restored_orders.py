"""What comes back to creators, in every order and in batches: the same is left."""

import random
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.payout import consumers
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, a_gift_sent
from tests.payout.test_maturity import let_pass, reversal
from tests.payout.test_restored import DAY, restoration, spend

ORDERS_MAX = 24
STORIES = {
    "restored": ((1, 100), (2, 0)),
    "restored in part": ((1, 100), (2, 30)),
    "reversed in part, then restored": ((1, 60), (2, 0)),
    "reversed again": ((1, 100), (2, 30), (3, 67)),
    "reversed in part, after all of it": ((1, 100), (2, 0), (3, 60), (4, 0)),
    "restored twice": ((1, 50), (2, 0), (3, 100), (4, 20)),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_no_order_of_gift_reversals_and_maturing_decides_what_is_left(database_of, story):
    """And nothing that came back is ever available at once."""
    gift = a_gift_sent(100)
    facts = [(gift, 15)]
    for number, (revision, coins) in enumerate(story):
        back = number % 2 and coins < story[number - 1][1]
        made = restoration if back else reversal
        facts.append((made(gift, revision, coins), 1 - number / 10))
    orders = list(permutations([*facts, None]))
    if len(orders) > ORDERS_MAX:
        orders = random.Random(7).sample(orders, ORDERS_MAX)
    found, now = set(), datetime.now(UTC)
    for order in orders:
        found.add(await ends_of(database_of("payout"), order, now))

    assert len(found) == 1, found


async def ends_of(database, order, now):
    """
    Where diamonds stand after facts in this order (None: what is due matures), and later.

    The facts occurred so many days before `now`.
    """
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)
    for each in order:
        if each is None:
            await let_pass(database, 0)
            continue
        event, days_ago = each
        await consumer.receive([a_delivery(event, at=now - days_ago * DAY)])
    ends = []
    for days in (0, 13, 14.5):
        await let_pass(database, days)
        async with database.transaction() as tx:
            rows = await tx.execute(
                text("SELECT kind, balance FROM accounts WHERE asset = 'diamonds' ORDER BY kind")
            )
            ends.append(tuple((row.kind, row.balance) for row in rows if row.balance))
    faults = await violations(database)
    await database.close()
    return (*ends, tuple(faults))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    revisions=st.permutations(range(1, 6)),
    spent=st.integers(0, 100),
)
async def test_what_stands_is_what_the_coins_are_worth_less_what_is_the_operators_loss(
    database_of, said, revisions, spent
):
    """Whatever is heard, spent and matured in between."""
    database = database_of("payout")
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)
    gift, coins = a_gift_sent(100), [0, 100, 40, 80, 10, 60]
    now = datetime.now(UTC)
    await consumer.receive([a_delivery(gift, at=now - 15 * DAY)])
    left = list(revisions)
    for what in said:
        if what == 0:
            await let_pass(database, 0)
        elif what == 1:
            await spend_up_to(database, spent)
        elif left:
            revision = left.pop()
            made = restoration if revision % 2 == 0 or coins[revision] < 50 else reversal
            await consumer.receive([a_delivery(made(gift, revision, coins[revision]), at=now)])
    heard = [revision for revision in revisions if revision not in left]
    stands = 100 - (coins[max(heard)] if heard else 0)
    async with database.transaction() as tx:
        row = (await tx.execute(text(TOTALS))).one()
    assert await violations(database) == []
    assert row.balance + row.gone - row.lost == stands
    assert not (row.lost and row.restored)
    await database.close()


async def spend_up_to(database, diamonds):
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT balance FROM accounts WHERE kind = 'main'"))
        available = rows.scalar_one()
    if wanted := min(available, diamonds):
        await spend(database, wanted)


TOTALS = """
    SELECT (SELECT sum(balance) FROM accounts WHERE asset = 'diamonds') AS balance,
           (SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '@adjusted') AS gone,
           (SELECT sum(lost_diamonds) FROM earnings) AS lost,
           (SELECT coalesce(sum(pending), 0) FROM restorations) AS restored
"""
