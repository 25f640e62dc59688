"""Creators set goals, in a room or over a time, and look how far they are."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.live.commands.rewards import publish_goals
from services.live.domain.goals import (
    GOALS_MAX,
    PAST_MAX,
    RECENT,
    BeginsTooLongAgo,
    EndsBeforeItBegins,
    Goal,
    NoSuchGoal,
    TooManyGoals,
)
from services.live.domain.quotas import GOAL_CHANGES, GOALS
from services.live.domain.rooms import require_owner
from services.live.store import goal_backfill
from services.live.store import goals as store
from services.live.store.creator_locks import limit_lock_wait, lock_creator
from services.live.store.gift_totals import lock_rooms
from services.live.store.rooms import find_ownership
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.idempotency import mark_replayed
from shared.postgres.database import Transaction
from shared.quotas import store as quotas


@dataclass(frozen=True, slots=True)
class NewGoal:
    """
    A goal to set.

    With a room it counts from now on; without one from `starts_at`, which may be past.
    """

    room: str | None
    title: str
    target_coins: int
    starts_at: datetime | None
    ends_at: datetime | None

    def begins_in_the_past(self) -> bool:
        """Whether there may be many earlier gifts to count."""
        return (
            self.room is None
            and self.starts_at is not None
            and self.starts_at < datetime.now(UTC) - RECENT
        )


async def set_goal(tx: Transaction, creator: str, new: NewGoal, key: str, *, cause: Cause) -> Goal:
    """Set a goal and count its past while new gifts wait; the same key finds the same goal."""
    goal, is_new = await add_goal(tx, creator, new, key)
    if not is_new:
        return goal
    if goal.room is None:
        past = await goal_backfill.read_past(tx, goal, await goal_backfill.read_generation(tx))
        await goal_backfill.close_backfill(tx, goal.goal, 0, past)
    return await publish_goal(tx, goal.goal, creator, cause)


async def add_goal(tx: Transaction, creator: str, new: NewGoal, key: str) -> tuple[Goal, bool]:
    """Add a goal that lacks its past; return it, or the one of this key, and whether it is new."""
    await limit_lock_wait(tx)
    # A goal is shown with its creator: its id tells others nothing more.
    identifier = uuid5(NAMESPACE, f"goal|{creator}\n{key}")
    starts_at = new.starts_at or datetime.now(UTC)
    if new.room is not None:
        # The room's lock first, as in every batch; then no gift is counted while we look.
        rooms = await lock_rooms(tx, [new.room])
        require_owner(await find_ownership(tx, new.room), creator)
        starts_at = rooms[new.room].time_after_gifts(datetime.now(UTC))
    if new.ends_at is not None and new.ends_at <= starts_at:
        raise EndsBeforeItBegins(starts_at=starts_at)
    await lock_creator(tx, creator)
    known = {goal.goal: goal for goal in await store.list_goals_of_creator(tx, creator)}
    if found := known.get(identifier):
        tx.after_commit(mark_replayed)
        return found, False
    if starts_at < datetime.now(UTC) - PAST_MAX:
        raise BeginsTooLongAgo(days_max=PAST_MAX.days)
    if len(known) >= GOALS_MAX:
        raise TooManyGoals(goals_max=GOALS_MAX)
    await quotas.use(tx, creator, GOALS)
    goal = Goal(identifier, creator, new.room, new.title, new.target_coins, starts_at, new.ends_at)
    if not await store.insert_goal(tx, goal):
        # There was one of this key, and it was removed.
        raise NoSuchGoal
    return goal, True


async def change_goal(
    tx: Transaction,
    creator: str,
    identifier: UUID,
    *,
    title: str,
    target_coins: int,
    ends_at: datetime | None,
    cause: Cause,
) -> Goal:
    """Change a goal. Its end may change as long as that is still to come."""
    goal = await store.lock_goal(tx, identifier, creator)
    if goal is None:
        raise NoSuchGoal
    now = datetime.now(UTC)
    if ends_at != goal.ends_at and (
        (ends_at is not None and ends_at <= max(now, goal.starts_at))
        or (goal.ends_at is not None and goal.ends_at <= now)
    ):
        raise EndsBeforeItBegins(starts_at=goal.starts_at)
    if (title, target_coins, ends_at) != (goal.title, goal.target_coins, goal.ends_at):
        # Each change may publish that it is reached, or no longer.
        await quotas.use(tx, creator, GOAL_CHANGES)
    await store.update_goal(tx, identifier, title=title, target_coins=target_coins, ends_at=ends_at)
    return await publish_goal(tx, identifier, creator, cause)


async def remove_goal(tx: Transaction, creator: str, identifier: UUID) -> None:
    if not await store.remove_goal(tx, identifier, creator):
        raise NoSuchGoal


async def publish_goal(tx: Transaction, identifier: UUID, creator: str, cause: Cause) -> Goal:
    """Publish a goal if it has its coins now and had not before; return it as it is now."""
    goal = await store.lock_goal(tx, identifier, creator)
    if goal is None:
        raise NoSuchGoal
    reached = goal.progress_coins >= goal.target_coins
    if reached == goal.reached:
        return goal
    await publish_goals(tx, [goal], cause)
    return replace(goal, reached=reached, revision=goal.revision + reached)
