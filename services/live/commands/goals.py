"""Creators set goals, in a room or over a time, and look how far they are."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.live.commands.consequences import settle_goals
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
from services.live.store import counting, rules, stages
from services.live.store import goals as store
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class GoalWish:
    """
    What a creator asks for.

    With a room it counts from now on; without one from `starts_at`, which may be past.
    """

    room: str | None
    title: str
    target_coins: int
    starts_at: datetime | None
    ends_at: datetime | None

    def begins_in_the_past(self) -> bool:
        """Whether there may be much that was given before."""
        return (
            self.room is None
            and self.starts_at is not None
            and self.starts_at < datetime.now(UTC) - RECENT
        )


async def set_up(tx: Transaction, creator: str, wish: GoalWish, key: str, *, story: str) -> Goal:
    """Set a goal and count its past while its creator's gifts wait; of the same key, find it."""
    goal, is_new = await begin(tx, creator, wish, key)
    if not is_new:
        return goal
    await store.count_past(tx, goal.goal)
    return await settled(tx, goal.goal, creator, story)


async def begin(tx: Transaction, creator: str, wish: GoalWish, key: str) -> tuple[Goal, bool]:
    """Set a goal that lacks its past; return it, or the one of this key, and whether it is new."""
    await rules.wait_briefly(tx)
    # A goal is shown with its creator: its id tells others nothing more.
    goal = uuid5(NAMESPACE, f"goal|{creator}\n{key}")
    # As older versions made it: there, two creators could come to the same id.
    former = uuid5(NAMESPACE, f"goal|{creator}|{key}")
    starts_at = wish.starts_at or datetime.now(UTC)
    if wish.room is not None:
        # The room's lock first, as for everybody; then nobody counts while we look.
        rooms = await counting.lock_rooms(tx, [wish.room])
        require_owner(await stages.find(tx, wish.room), creator)
        last = rooms[wish.room].last_sent_at
        now = datetime.now(UTC)
        starts_at = now if last is None else max(now, last + MOMENT)
    if wish.ends_at is not None and wish.ends_at <= starts_at:
        raise EndsBeforeItBegins(starts_at=starts_at)
    await rules.hold_counting_of(tx, creator)
    known = {one.goal: one for one in await store.of_creator(tx, creator)}
    if found := known.get(goal) or known.get(former):
        return found, False
    if await store.was_set_up(tx, former, creator):
        raise NoSuchGoal
    if starts_at < datetime.now(UTC) - PAST_MAX:
        raise BeginsTooLongAgo(days_max=PAST_MAX.days)
    if len(known) >= GOALS_MAX:
        raise TooManyGoals(goals_max=GOALS_MAX)
    await quotas.use(tx, creator, GOALS)
    new = Goal(goal, creator, wish.room, wish.title, wish.target_coins, starts_at, wish.ends_at)
    if not await store.set_up(tx, new):
        # There was one of this key, and it was removed.
        raise NoSuchGoal
    return new, True


async def change(
    tx: Transaction,
    creator: str,
    goal: UUID,
    *,
    title: str,
    target_coins: int,
    ends_at: datetime | None,
    story: str,
) -> Goal:
    """Change what is asked for. When it ends may change as long as that is still to come."""
    found = await store.find(tx, goal, creator=creator, locked=True)
    if found is None:
        raise NoSuchGoal
    now = datetime.now(UTC)
    if ends_at != found.ends_at and (
        (ends_at is not None and ends_at <= max(now, found.starts_at))
        or (found.ends_at is not None and found.ends_at <= now)
    ):
        raise EndsBeforeItBegins(starts_at=found.starts_at)
    asked = (title, target_coins, ends_at)
    if asked != (found.title, found.target_coins, found.ends_at):
        # Each may be announced: that it is reached, or no longer.
        await quotas.use(tx, creator, GOAL_CHANGES)
    await store.change(tx, goal, title=title, target_coins=target_coins, ends_at=ends_at)
    return await settled(tx, goal, creator, story)


async def remove(tx: Transaction, creator: str, goal: UUID) -> None:
    if not await store.remove(tx, goal, creator):
        raise NoSuchGoal


async def of_creator(tx: Transaction, creator: str) -> list[Goal]:
    return await store.of_creator(tx, creator)


async def of_room(tx: Transaction, room: str, caller: str) -> list[Goal]:
    """Return a room's goals; its creator sees their income goals as well."""
    found = await store.of_room(tx, room)
    stage = await stages.find(tx, room)
    if stage is not None and stage.creator == caller:
        found += [goal for goal in await store.of_creator(tx, caller) if goal.room is None]
    return found


async def settled(tx: Transaction, goal: UUID, creator: str, story: str) -> Goal:
    found = await store.find(tx, goal, creator=creator, locked=True)
    if found is None:
        raise NoSuchGoal
    reached = found.progress_coins >= found.target_coins
    if reached == found.reached:
        return found
    await settle_goals(tx, [found], Cause(story))
    return replace(found, reached=reached, revision=found.revision + reached)
