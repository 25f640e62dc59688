"""Many at once are as one after another, only faster."""

import asyncio

from services.wallet import consumers
from services.wallet.main import read_rules
from tests.databases import another
from tests.deliveries import a_broker, a_delivery, announced
from tests.wallet.conftest import a_gift_requested, a_purchase_paid

ROUNDS = 20


async def balance(database, user="mira"):
    from services.wallet.commands.queries import read_balances  # noqa: PLC0415

    async with database.transaction() as tx:
        coins, _, _ = await read_balances(tx, user)
    return coins


async def test_of_fifty_gifts_at_once_exactly_those_that_can_be_paid_are(hear, database):
    await hear(a_purchase_paid(coins=100))

    await asyncio.gather(*(hear(a_gift_requested(coins=10)) for _ in range(50)))

    assert await balance(database) == 0
    assert len(await announced(database, "wallet.gift_paid")) == 10
    assert len(await announced(database, "wallet.gift_refused")) == 40


async def test_the_same_gift_in_one_batch_in_two_and_in_two_processes_is_one_entry(
    hear, database, settings
):
    """A second process is another consumer with a pool of its own."""
    await hear(a_purchase_paid(coins=1_000))
    other = another(database)
    _, elsewhere = consumers.build(
        settings, read_rules(settings.rules_file), other, a_broker("wallet")
    )
    gifts = [a_gift_requested(coins=10) for _ in range(20)]
    again = [gift.model_copy(update={"attempt": 2}) for gift in gifts]

    await asyncio.gather(
        hear(*gifts, *gifts, *again),
        hear(*reversed(gifts)),
        elsewhere.receive([a_delivery(gift) for gift in (*again, *gifts)]),
    )

    await other.close()
    assert await balance(database) == 800


async def test_people_who_give_to_each_other_never_wait_for_each_other_in_a_circle(hear, database):
    await hear(*(a_purchase_paid(viewer=name, coins=100_000) for name in ("mira", "jonas")))

    async def give(first, second):
        for _ in range(ROUNDS):
            await hear(
                a_gift_requested(viewer=first, creator=second, coins=1),
                a_gift_requested(viewer=second, creator=first, coins=1),
            )

    await asyncio.gather(*(give(*pair) for pair in [("mira", "jonas"), ("jonas", "mira")] * 3))

    left = await balance(database) + await balance(database, "jonas")
    assert left == 200_000 - 6 * ROUNDS * 2
