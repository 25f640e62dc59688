"""Goals, and who contributed to them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from services.live import columns as tables
from services.live.domain.goals import Goal
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, update_rows
from shared.postgres.statements import text

_goal = RowMapper(Goal, tables.Goal)
PROGRESS = ("progress_coins", "contributors", "reached", "revision")
_SELECT = f"SELECT {_goal.columns} FROM goals"


async def save_progress(tx: Transaction, goals: Sequence[Goal]) -> None:
    """Write how far goals are; they are locked."""
    await tx.execute(_SAVE_PROGRESS, arrays(goals, "goal", *PROGRESS))


_SAVE_PROGRESS = update_rows(tables.Goal, ("goal",), PROGRESS)


async def insert_goal(tx: Transaction, goal: Goal) -> bool:
    """Add a goal; return False if there was one, which may have been removed."""
    return bool(await tx.execute(_INSERT, asdict(goal)))


_INSERT = text("""
    INSERT INTO goals (goal, creator, room, title, target_coins, starts_at, ends_at)
    VALUES (:goal, :creator, :room, :title, :target_coins, :starts_at, :ends_at)
    ON CONFLICT DO NOTHING RETURNING goal
""")


async def lock_goal(tx: Transaction, goal: UUID, creator: str) -> Goal | None:
    """Lock and return a creator's own goal."""
    row = (await tx.execute(_LOCK_OWN, {"goal": goal, "creator": creator})).first()
    return _goal(row) if row else None


_LOCK_OWN = text(
    f"{_SELECT} WHERE goal = :goal AND creator = :creator AND removed_at IS NULL FOR UPDATE"
)


async def read_goal(tx: Transaction, goal: UUID) -> Goal:
    """Return a goal that is known to be there, removed or not."""
    return _goal((await tx.execute(_READ, {"goal": goal})).one())


_READ = text(f"{_SELECT} WHERE goal = :goal")


async def update_goal(
    tx: Transaction, goal: UUID, *, title: str, target_coins: int, ends_at: datetime | None
) -> None:
    changed = {"goal": goal, "title": title, "target_coins": target_coins, "ends_at": ends_at}
    await tx.execute(_UPDATE, changed)


_UPDATE = text("""
    UPDATE goals SET title = :title, target_coins = :target_coins,
        ends_at = CAST(:ends_at AS timestamptz)
    WHERE goal = :goal
""")


async def remove_goal(tx: Transaction, goal: UUID, creator: str) -> bool:
    """Remove a creator's own goal; return False if there is none."""
    return bool(await tx.execute(_REMOVE, {"goal": goal, "creator": creator}))


_REMOVE = text("""
    UPDATE goals SET removed_at = now()
    WHERE goal = :goal AND creator = :creator AND removed_at IS NULL RETURNING goal
""")


async def list_goals_of_creator(tx: Transaction, creator: str) -> list[Goal]:
    return [_goal(row) for row in await tx.execute(_LIST_OF_CREATOR, {"creator": creator})]


_LIST_OF_CREATOR = text(
    f"{_SELECT} WHERE creator = :creator AND removed_at IS NULL ORDER BY created_at, goal"
)


async def list_goals_of_room(tx: Transaction, room: str) -> list[Goal]:
    return [_goal(row) for row in await tx.execute(_LIST_OF_ROOM, {"room": room})]


_LIST_OF_ROOM = text(
    f"{_SELECT} WHERE room = :room AND removed_at IS NULL ORDER BY created_at, goal"
)


async def list_goals_reached(
    tx: Transaction, room: str, since: datetime, until: datetime | None
) -> list[Goal]:
    """Return goals of a room that are reached and were running during a time."""
    asked = {"room": room, "since": since, "until": until}
    return [_goal(row) for row in await tx.execute(_LIST_REACHED, asked)]


_LIST_REACHED = text(f"""
    {_SELECT} WHERE room = :room AND reached AND (ends_at IS NULL OR ends_at > :since)
      AND starts_at < coalesce(CAST(:until AS timestamptz), 'infinity') ORDER BY created_at, goal
""")


async def lock_changed_goals(tx: Transaction, *, limit: int) -> list[Goal]:
    """Lock and return goals whose `reached` does not fit their coins."""
    return [_goal(row) for row in await tx.execute(_LOCK_CHANGED, {"limit": limit})]


_LOCK_CHANGED = text(f"""
    {_SELECT} WHERE removed_at IS NULL AND reached <> (progress_coins >= target_coins)
    ORDER BY goal LIMIT :limit FOR UPDATE
""")
