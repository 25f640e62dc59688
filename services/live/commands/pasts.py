"""
Goals that begin in the past: set at once, while what was given before is still being read.

The lock that gifts wait for is held only until the goal is there and a snapshot has begun. What is
given from then on is counted by whoever counts gifts, what was given before is in the snapshot, and
nothing is in both. Reading it takes as long as it takes, and keeps nobody waiting.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from services.live.commands import goals
from services.live.commands.goals import GoalWish
from services.live.commands.slots import Slots
from services.live.domain.goals import PAST_GOALS_AN_HOUR_MAX, Goal, TooManyPastGoals
from services.live.store import goals as store
from services.live.store import pasts, rules
from shared.postgres.database import Database, Transaction

# Whoever asked has long been answered, or has left.
LEFT_OPEN_SECONDS = 120.0

# Put a goal there, the gifts of its creator waiting; None if there is nothing to read for it.
Begin: TypeAlias = Callable[[Transaction], Awaitable[tuple[Goal, bool]]]


async def set_up(
    database: Database, slots: Slots, creator: str, wish: GoalWish, key: str, *, story: str
) -> Goal:
    """Set a goal; what was given before it began to be counted is part of the answer."""
    if not wish.begins_in_the_past():
        async with slots.one(), database.transaction() as tx:
            return await goals.set_up(tx, creator, wish, key, story=story)

    async def begin(tx: Transaction) -> tuple[Goal, bool]:
        goal, is_new = await goals.begin(tx, creator, wish, key)
        if is_new:
            # The goal itself is among them.
            lately, seconds = await pasts.begun_lately(tx, creator)
            if lately > PAST_GOALS_AN_HOUR_MAX:
                raise TooManyPastGoals(
                    an_hour_max=PAST_GOALS_AN_HOUR_MAX, retry_after_seconds=seconds
                )
        return goal, is_new

    async with slots.one():
        return await _count_past(database, begin, story)


async def finish(database: Database) -> bool:
    """Add the past of goals that lack it, because who set them was interrupted."""
    async with database.transaction() as tx:
        left = await pasts.left_open(tx, seconds=LEFT_OPEN_SECONDS)
    for identifier, creator in left:

        async def begin(
            tx: Transaction, goal: UUID = identifier, whose: str = creator
        ) -> tuple[Goal, bool]:
            await rules.hold_counting_of(tx, whose)
            found = await store.find_any(tx, goal)
            return found, True

        await _count_past(database, begin, str(identifier))
    return False


async def _count_past(database: Database, begin: Begin, story: str) -> Goal:
    # A connection for the snapshot comes first: nobody waits for one while holding the lock.
    async with database.snapshot() as snapshot:
        async with database.transaction() as tx:
            goal, is_new = await begin(tx)
            if not is_new:
                return goal
            attempt = await pasts.leave_open(tx, goal.goal)
            counting = await pasts.begin_reading(snapshot)
        past = await pasts.read(snapshot, goal, counting)
    async with database.transaction() as tx:
        await pasts.add(tx, goal.goal, attempt, past)
        return await goals.settled(tx, goal.goal, goal.creator, story)
