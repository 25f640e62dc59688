"""
Goals that begin in the past: set at once, while their earlier gifts are still being read.

The lock that new gifts wait for is held only until the goal is there and a snapshot has begun. New
gifts are counted by their batches, earlier ones are in the snapshot, and none is in both. Reading
it may take long, and no gift waits for it.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias
from uuid import UUID

from services.live.commands.goals import NewGoal, add_goal, publish_goal
from services.live.domain.goals import PAST_GOALS_AN_HOUR_MAX, Goal, TooManyPastGoals
from services.live.store import goal_backfill as store
from services.live.store.creator_locks import lock_creator
from services.live.store.goals import read_goal
from shared.contracts.envelope import Cause
from shared.postgres.database import Database, Transaction

# By then the request was answered, or its caller has left.
LEFT_OPEN_SECONDS = 120.0

# Locks the creator and returns the goal, and whether its past has to be read.
Begin: TypeAlias = Callable[[Transaction], Awaitable[tuple[Goal, bool]]]


async def set_past_goal(
    database: Database, creator: str, new: NewGoal, key: str, *, cause: Cause
) -> Goal:
    """Set a goal that begins in the past; the answer has the gifts since then."""
    return await _backfill(database, partial(_add, creator=creator, new=new, key=key), cause)


async def finish_backfills(database: Database) -> None:
    """Add the past of goals that lack it, because the requests that set them were interrupted."""
    async with database.transaction() as tx:
        left = await store.list_open_backfills(tx, seconds=LEFT_OPEN_SECONDS)
    for goal, creator in left:
        begin = partial(_resume, goal=goal, creator=creator)
        await _backfill(database, begin, Cause(str(goal)))


async def _add(tx: Transaction, *, creator: str, new: NewGoal, key: str) -> tuple[Goal, bool]:
    goal, is_new = await add_goal(tx, creator, new, key)
    if is_new:
        # The goal itself is among them.
        number, seconds = await store.count_past_goals(tx, creator)
        if number > PAST_GOALS_AN_HOUR_MAX:
            raise TooManyPastGoals(an_hour_max=PAST_GOALS_AN_HOUR_MAX, retry_after_seconds=seconds)
    return goal, is_new


async def _resume(tx: Transaction, *, goal: UUID, creator: str) -> tuple[Goal, bool]:
    await lock_creator(tx, creator)
    return await read_goal(tx, goal), True


async def _backfill(database: Database, begin: Begin, cause: Cause) -> Goal:
    # A connection for the snapshot comes first: no task waits for one while it holds the lock.
    async with database.snapshot() as snapshot:
        async with database.transaction() as tx:
            goal, is_new = await begin(tx)
            if not is_new:
                return goal
            attempt = await store.open_backfill(tx, goal.goal)
            generation = await store.begin_snapshot(snapshot)
        past = await store.read_past(snapshot, goal, generation)
    async with database.transaction() as tx:
        await store.close_backfill(tx, goal.goal, attempt, past)
        return await publish_goal(tx, goal.goal, goal.creator, cause)
