"""Who sets something up makes only those gifts wait that it is about."""

import asyncio

import pytest

from services.live.commands.goals import NewGoal, set_goal
from services.live.commands.perks import Offer, change_perk, offer_perk
from services.live.domain.perks import PerkKind
from services.live.store.batch_locks import lock_batch
from services.live.store.creator_locks import lock_creator
from services.live.store.entitlements import list_entitlements
from services.live.store.gift_totals import lock_rooms
from services.live.store.goals import list_goals_of_creator
from services.live.store.perks import list_perks
from shared.contracts.envelope import Cause
from tests.live.conftest import SOON_SECONDS, a_gift_sent, key

CAUSE = Cause("request")
A_WHILE_SECONDS = 0.3
PERK = Offer(PerkKind.CUSTOM, "A song", None, 100, None)
GOAL = NewGoal(None, "A new microphone", 100, None, None)


async def offer(tx):
    await offer_perk(tx, "lea", PERK, "key", cause=CAUSE)


async def change(tx):
    (perk,) = await list_perks(tx, "lea")
    await change_perk(tx, "lea", perk.perk, PERK, cause=CAUSE)


async def set_up(tx):
    await set_goal(tx, "lea", GOAL, "key", cause=CAUSE)


@pytest.mark.parametrize("ask", [offer, change, set_up])
async def test_only_gifts_to_that_creator_wait(lea, receive, look, database, ask):
    if ask is change:
        body = {"kind": "custom", "title": "A dear song", "threshold_coins": 1_000}
        await lea.post("/v1/creators/me/perks", json=body, headers=key())
    async with database.transaction() as tx:
        await ask(tx)
        elsewhere = receive(a_gift_sent(10, creator="otto", room="room-9"))
        await asyncio.wait_for(elsewhere, SOON_SECONDS)
        waiting = asyncio.create_task(receive(a_gift_sent(100)))
        await asyncio.sleep(A_WHILE_SECONDS)
        assert not waiting.done()
    await asyncio.wait_for(waiting, SOON_SECONDS)

    assert (await look())["coins"] == 100
    async with database.transaction() as tx:
        found = await list_goals_of_creator(tx, "lea")
        claims = await list_entitlements(tx, "mira", before=None, limit=5)
    assert [goal.progress_coins for goal in found] == ([100] if ask is set_up else [])
    assert len(claims) == (0 if ask is set_up else 1)


async def test_a_batch_that_waits_for_its_room_keeps_no_creator_from_setting_something_up(
    receive, database
):
    """Who sets up a goal of a room locks the room and then its creator: a batch does as well."""
    async with database.transaction() as other:
        await lock_rooms(other, ["room-1"])
        waiting = asyncio.create_task(receive(a_gift_sent(100)))
        await asyncio.sleep(A_WHILE_SECONDS)
        async with database.transaction() as tx:
            await asyncio.wait_for(lock_creator(tx, "lea"), SOON_SECONDS)
        assert not waiting.done()
    await asyncio.wait_for(waiting, SOON_SECONDS)


async def test_a_batch_holds_a_room_that_was_there_and_one_that_is_new(receive, database):
    await receive(a_gift_sent(1))

    async def lock(room):
        async with database.transaction() as tx:
            await lock_rooms(tx, [room])

    async with database.transaction() as batch:
        await lock_batch(batch, rooms=["room-1", "room-2"], gifts=[], creators=[])
        waiting = [asyncio.create_task(lock(room)) for room in ("room-1", "room-2")]
        await asyncio.sleep(A_WHILE_SECONDS)
        assert not any(task.done() for task in waiting)
    await asyncio.wait_for(asyncio.gather(*waiting), SOON_SECONDS)
