"""What was given before a goal was set: read from a snapshot, and added when it has been."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from services.live.domain.goals import Goal
from shared.postgres.database import Transaction

READ_MILLISECONDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Past:
    """What was given, in which counting of all gifts; who gave openly, and how much."""

    counting: int
    coins: int
    openly: Mapping[str, int]


async def begun_lately(tx: Transaction, creator: str) -> tuple[int, int]:
    """
    Return how many goals of a creator began in the past and were set within an hour.

    And in how many seconds they are one less.
    """
    number, seconds = (await tx.execute(_BEGUN_LATELY, {"creator": creator})).one()
    return number, seconds


async def leave_open(tx: Transaction, goal: UUID) -> int:
    """Say that a goal lacks its past; return the number of this attempt to add it."""
    await tx.execute(_FORGET_GIFTERS, {"goal": goal})
    return int((await tx.execute(_LEAVE_OPEN, {"goal": goal})).scalar_one())


async def begin_reading(snapshot: Transaction) -> int:
    """See from now on what has been counted until now; return which counting that is."""
    await snapshot.execute(_LIMIT)
    return int((await snapshot.execute(_COUNTING)).scalar_one())


async def read(snapshot: Transaction, goal: Goal, counting: int) -> Past:
    rows = await snapshot.execute(
        _READ,
        {
            "creator": goal.creator,
            "starts_at": goal.starts_at,
            "ends_at": goal.ends_at,
            "counting": counting,
        },
    )
    openly = {row.viewer: int(row.coins) for row in rows if row.viewer is not None}
    return Past(counting, sum(int(row.coins) for row in rows), openly)


async def add(tx: Transaction, goal: UUID, attempt: int, past: Past) -> None:
    """Add a goal's past, unless another attempt has; the goal is locked."""
    is_open = {"goal": goal, "attempt": attempt}
    if not await tx.execute(_IS_OPEN, is_open):
        return
    # Live is being built anew: then the past is counted as everything else is.
    counting = int((await tx.execute(_COUNTING)).scalar_one())
    coins, viewers = (past.coins, sorted(past.openly)) if counting == past.counting else (0, [])
    if viewers:
        given = [past.openly[viewer] for viewer in viewers]
        await tx.execute(_ADD_GIFTERS, {"goal": goal, "viewers": viewers, "coins": given})
    await tx.execute(_CLOSE, {"goal": goal, "coins": coins})


async def left_open(tx: Transaction, *, seconds: float) -> list[tuple[UUID, str]]:
    """Return goals, and their creators, that have lacked their past for so long."""
    return [(row.goal, row.creator) for row in await tx.execute(_LEFT_OPEN, {"seconds": seconds})]


_BEGUN_LATELY = text("""
    SELECT count(*), greatest(1, ceil(
        extract(epoch FROM min(created_at) + interval '1 hour' - clock_timestamp())
    ))::integer
    FROM goals
    WHERE creator = :creator AND created_at > now() - interval '1 hour'
      AND room IS NULL AND starts_at < created_at - interval '1 minute'
""")
_FORGET_GIFTERS = text("UPDATE goal_gifters SET coins = 0 WHERE goal = :goal AND coins <> 0")
_LEAVE_OPEN = text("""
    UPDATE goals SET past_attempt = past_attempt + 1, progress_coins = 0, contributors = 0
    WHERE goal = :goal RETURNING past_attempt
""")
_LIMIT = text(f"SET LOCAL statement_timeout = {READ_MILLISECONDS_MAX}")
_COUNTING = text("SELECT coalesce((SELECT counting FROM rebuilds), 0)")
_READ = text("""
    SELECT CASE WHEN NOT gifts.anonymous THEN gifts.viewer END AS viewer,
        sum(gifts.coins - coalesce(back.coins, 0)) AS coins
    FROM gifts
    LEFT JOIN LATERAL (
        SELECT sum(reversed_coins) AS coins FROM reversals WHERE reversals.gift = gifts.gift
    ) AS back ON true
    WHERE gifts.creator = :creator AND gifts.sent_at >= :starts_at
      AND (CAST(:ends_at AS timestamptz) IS NULL OR gifts.sent_at < CAST(:ends_at AS timestamptz))
      AND gifts.counted = :counting AND gifts.belongs
    GROUP BY 1
""")
_IS_OPEN = text("SELECT FROM goals WHERE goal = :goal AND past_attempt = :attempt FOR UPDATE")
_ADD_GIFTERS = text("""
    INSERT INTO goal_gifters (goal, viewer, coins)
    SELECT CAST(:goal AS uuid), * FROM unnest(CAST(:viewers AS text[]), CAST(:coins AS bigint[]))
    ON CONFLICT (goal, viewer) DO UPDATE SET coins = goal_gifters.coins + excluded.coins
""")
_CLOSE = text("""
    UPDATE goals SET past_attempt = 0, progress_coins = progress_coins + :coins,
        contributors = (
            SELECT count(*) FROM goal_gifters WHERE goal_gifters.goal = goals.goal AND coins > 0
        )
    WHERE goal = :goal
""")
_LEFT_OPEN = text("""
    SELECT goal, creator FROM goals
    WHERE past_attempt > 0 AND removed_at IS NULL
      AND created_at < now() - make_interval(secs => :seconds)
    ORDER BY created_at LIMIT 10
""")
