"""Combos whose gifts were miscounted are counted again, and end."""

import asyncio

import pytest

from services.gift.commands.combos import recount_combos
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.gift.conftest import paid
from tests.gift.test_combos import rows


@pytest.fixture
def recount(database):
    async def recount_all():
        for part in database.parts:
            async with part.transaction() as tx:
                assert not await recount_combos(tx)

    return recount_all


async def decide_as_before(database, gift):
    """Settle a gift as the version before combos does: it counts nothing down."""
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text(
                "UPDATE gifts SET state = 'refused', decided_at = now(), refusal = '{}'"
                " WHERE id = :gift"
            ),
            {"gift": gift},
        )
        await tx.execute(text("DELETE FROM open_gifts WHERE gift = :gift"), {"gift": gift})


async def test_a_combo_that_waits_for_what_an_older_version_settled_ends_after_all(
    tap, wallet_says, database, pass_time, recount
):
    first, second = [(await tap())["gift"] for _ in range(2)]
    await wallet_says(paid(first, coins=1))
    await decide_as_before(database, second)
    await pass_time(870)
    await recount()
    await pass_time(0)
    assert await announced(database, "gift.combo_ended") == []

    await pass_time(30)
    await recount()
    await pass_time(0)

    (ended,) = await announced(database, "gift.combo_ended")
    assert (ended["gifts"], ended["repeat_count"]) == (1, 1)


async def test_a_recount_keeps_waiting_for_the_gifts_that_are_open(
    tap, wallet_says, database, pass_time, recount
):
    """The same viewer's gifts elsewhere are not counted."""
    gone, still_open = [(await tap())["gift"] for _ in range(2)]
    await tap(room="room-2")
    await tap(gift_type="g_snow")
    await decide_as_before(database, gone)
    await pass_time(900)
    await recount()
    await pass_time(0)

    running = "SELECT open_gifts FROM combos WHERE ended_at IS NULL"
    assert [combo["open_gifts"] for combo in await rows(database, running)] == [1, 1]
    await wallet_says(paid(still_open, coins=1))
    await pass_time(0)
    assert len(await announced(database, "gift.combo_ended")) == 1


async def test_a_recount_and_a_settlement_at_once_count_a_gift_down_once(
    tap, wallet_says, database, instances, pass_time, recount
):
    """The settlement has the gift, and comes for the combo while that is recounted."""
    gone, still_open = [(await tap())["gift"] for _ in range(2)]
    await decide_as_before(database, gone)
    await pass_time(900)

    async with instances[0].part_for("mira").transaction() as tx:
        await recount_combos(tx)
        deciding = asyncio.create_task(wallet_says(paid(still_open, coins=1)))
        await asyncio.sleep(0.2)
        assert not deciding.done()
    await deciding

    (combo,) = await rows(database, "SELECT open_gifts FROM combos")
    assert combo["open_gifts"] == 0
