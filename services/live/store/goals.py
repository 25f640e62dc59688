"""Goals, and who brought them nearer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from services.live.domain.goals import Goal
from shared.postgres.database import Row, Transaction

# A goal and a viewer.
ContributionKey: TypeAlias = tuple[UUID, str]


async def lock(tx: Transaction, goals: Sequence[UUID]) -> dict[UUID, Goal]:
    """Read goals and keep them still, locked in sorted order."""
    rows = await tx.execute(_LOCK, {"goals": sorted(goals)})
    return {row.goal: _goal(row) for row in rows}


async def contribute(
    tx: Transaction, contributions: Mapping[ContributionKey, int]
) -> dict[ContributionKey, int]:
    """Add to what viewers brought to goals; return what it comes to. The goals are locked."""
    if not contributions:
        return {}
    keys = sorted(contributions)
    rows = await tx.execute(
        _CONTRIBUTE,
        {
            "goals": [goal for goal, _ in keys],
            "viewers": [viewer for _, viewer in keys],
            "coins": [contributions[key] for key in keys],
        },
    )
    return {(row.goal, row.viewer): row.coins for row in rows}


async def save(tx: Transaction, goals: Sequence[Goal]) -> None:
    """Write how far goals are; they are locked."""
    await tx.execute(
        _SAVE,
        {
            "goals": [goal.goal for goal in goals],
            "progress": [goal.progress_coins for goal in goals],
            "contributors": [goal.contributors for goal in goals],
            "reached": [goal.reached for goal in goals],
            "revisions": [goal.revision for goal in goals],
        },
    )


async def set_up(tx: Transaction, goal: Goal) -> bool:
    """Add a goal; return False if there was one, which may have been removed."""
    rows = await tx.execute(
        _INSERT,
        {
            "goal": goal.goal,
            "creator": goal.creator,
            "room": goal.room,
            "title": goal.title,
            "target": goal.target_coins,
            "starts_at": goal.starts_at,
            "ends_at": goal.ends_at,
        },
    )
    return bool(rows)


async def was_set_up(tx: Transaction, goal: UUID, creator: str) -> bool:
    """Whether a creator ever had this goal, also if it was removed."""
    return bool(await tx.execute(_WAS_SET_UP, {"goal": goal, "creator": creator}))


async def count_past(tx: Transaction, goal: UUID) -> None:
    """Work out from the gifts how far an income goal is that began before it was set up."""
    await tx.execute(_COUNT_PAST, {"goal": goal})


async def find(tx: Transaction, goal: UUID, *, creator: str, locked: bool) -> Goal | None:
    """Return a creator's own goal."""
    statement = _FIND_LOCKED if locked else _FIND
    row = (await tx.execute(statement, {"goal": goal, "creator": creator})).first()
    return _goal(row) if row else None


async def find_any(tx: Transaction, goal: UUID) -> Goal:
    """Return a goal that is known to be there, removed or not."""
    return _goal((await tx.execute(_FIND_ANY, {"goal": goal})).one())


async def change(
    tx: Transaction, goal: UUID, *, title: str, target_coins: int, ends_at: datetime | None
) -> None:
    asked = {"goal": goal, "title": title, "target": target_coins, "ends_at": ends_at}
    await tx.execute(_CHANGE, asked)


async def remove(tx: Transaction, goal: UUID, creator: str) -> bool:
    rows = await tx.execute(_REMOVE, {"goal": goal, "creator": creator})
    return bool(rows)


async def of_creator(tx: Transaction, creator: str) -> list[Goal]:
    return [_goal(row) for row in await tx.execute(_OF_CREATOR, {"creator": creator})]


async def of_room(tx: Transaction, room: str) -> list[Goal]:
    return [_goal(row) for row in await tx.execute(_OF_ROOM, {"room": room})]


async def reached_between(
    tx: Transaction, room: str, since: datetime, until: datetime | None
) -> list[Goal]:
    """Return goals of a room that are reached and were running during a time."""
    asked = {"room": room, "since": since, "until": until}
    return [_goal(row) for row in await tx.execute(_REACHED, asked)]


async def to_settle(tx: Transaction, *, limit: int) -> list[Goal]:
    """Return, locked, goals that are reached and were not announced, or no longer are."""
    return [_goal(row) for row in await tx.execute(_TO_SETTLE, {"limit": limit})]


def _goal(row: Row) -> Goal:
    return Goal(
        goal=row.goal,
        creator=row.creator,
        room=row.room,
        title=row.title,
        target_coins=row.target_coins,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        progress_coins=row.progress_coins,
        contributors=row.contributors,
        reached=row.reached,
        revision=row.revision,
    )


_COLUMNS = """
    goal, creator, room, title, target_coins, starts_at, ends_at, progress_coins, contributors,
    reached, revision
"""
_LOCK = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE goal = ANY(CAST(:goals AS uuid[])) AND removed_at IS NULL ORDER BY goal FOR UPDATE"
)
_CONTRIBUTE = text("""
    INSERT INTO goal_gifters (goal, viewer, coins)
    SELECT * FROM unnest(
        CAST(:goals AS uuid[]), CAST(:viewers AS text[]), CAST(:coins AS bigint[])
    )
    ON CONFLICT (goal, viewer) DO UPDATE SET coins = goal_gifters.coins + excluded.coins
    RETURNING goal, viewer, coins
""")
_SAVE = text("""
    UPDATE goals SET progress_coins = new.progress, contributors = new.contributors,
        reached = new.reached, revision = new.revision
    FROM unnest(
        CAST(:goals AS uuid[]), CAST(:progress AS bigint[]), CAST(:contributors AS bigint[]),
        CAST(:reached AS boolean[]), CAST(:revisions AS bigint[])
    ) AS new (goal, progress, contributors, reached, revision)
    WHERE goals.goal = new.goal
""")
_INSERT = text("""
    INSERT INTO goals (goal, creator, room, title, target_coins, starts_at, ends_at)
    VALUES (:goal, :creator, :room, :title, :target, :starts_at, :ends_at)
    ON CONFLICT DO NOTHING RETURNING goal
""")
_COUNT_PAST = text("""
    WITH given AS (
        SELECT goals.goal, CASE WHEN NOT gifts.anonymous THEN gifts.viewer END AS viewer,
            gifts.coins - coalesce(back.coins, 0) AS coins
        FROM goals
        JOIN gifts ON gifts.creator = goals.creator AND gifts.sent_at >= goals.starts_at
            AND (goals.ends_at IS NULL OR gifts.sent_at < goals.ends_at)
            AND gifts.counted = coalesce((SELECT counting FROM rebuilds), 0) AND gifts.belongs
        LEFT JOIN LATERAL (
            SELECT sum(reversed_coins) AS coins FROM reversals WHERE reversals.gift = gifts.gift
        ) AS back ON true
        WHERE goals.goal = :goal AND goals.room IS NULL
    ), openly AS (
        INSERT INTO goal_gifters (goal, viewer, coins)
        SELECT goal, viewer, sum(coins) FROM given WHERE viewer IS NOT NULL GROUP BY goal, viewer
        RETURNING coins
    )
    UPDATE goals SET progress_coins = (SELECT coalesce(sum(coins), 0) FROM given),
        contributors = (SELECT count(*) FROM openly WHERE coins > 0)
    WHERE goals.goal = :goal
""")
_WAS_SET_UP = text("SELECT goal FROM goals WHERE goal = :goal AND creator = :creator")
_FIND = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE goal = :goal AND creator = :creator AND removed_at IS NULL"
)
_FIND_ANY = text(f"SELECT {_COLUMNS} FROM goals WHERE goal = :goal")  # noqa: S608 - our own text
_FIND_LOCKED = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE goal = :goal AND creator = :creator AND removed_at IS NULL FOR UPDATE"
)
_CHANGE = text("""
    UPDATE goals SET title = :title, target_coins = :target,
        ends_at = CAST(:ends_at AS timestamptz)
    WHERE goal = :goal
""")
_REMOVE = text("""
    UPDATE goals SET removed_at = now()
    WHERE goal = :goal AND creator = :creator AND removed_at IS NULL RETURNING goal
""")
_OF_CREATOR = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE creator = :creator AND removed_at IS NULL ORDER BY created_at, goal"
)
_OF_ROOM = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE room = :room AND removed_at IS NULL ORDER BY created_at, goal"
)
_REACHED = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE room = :room AND reached AND (ends_at IS NULL OR ends_at > :since)"
    " AND starts_at < coalesce(CAST(:until AS timestamptz), 'infinity') ORDER BY created_at, goal"
)
_TO_SETTLE = text(
    f"SELECT {_COLUMNS} FROM goals"  # noqa: S608 - our own text only
    " WHERE removed_at IS NULL AND reached <> (progress_coins >= target_coins)"
    " ORDER BY goal LIMIT :limit FOR UPDATE"
)
