"""Gifts from before a goal was set: read from a snapshot, and added when that is done."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from services.live.domain.goals import Goal
from shared.postgres.database import Transaction
from shared.postgres.statements import text

READ_MILLISECONDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Past:
    """The coins of a generation's gifts; and of open ones, by viewer."""

    generation: int
    coins: int
    open_coins: Mapping[str, int]


async def count_past_goals(tx: Transaction, creator: str) -> tuple[int, int]:
    """
    Return how many goals of a creator began in the past and were set within an hour.

    And in how many seconds they are one less.
    """
    number, seconds = (await tx.execute(_COUNT_PAST_GOALS, {"creator": creator})).one()
    return number, seconds


_COUNT_PAST_GOALS = text("""
    SELECT count(*), greatest(1, ceil(
        extract(epoch FROM min(created_at) + interval '1 hour' - clock_timestamp())
    ))::integer
    FROM goals
    WHERE creator = :creator AND created_at > now() - interval '1 hour'
      AND room IS NULL AND starts_at < created_at - interval '1 minute'
""")


async def open_backfill(tx: Transaction, goal: UUID) -> int:
    """Mark that a goal lacks its past; return the number of this attempt to add it."""
    await tx.execute(_EMPTY_GIFTERS, {"goal": goal})
    return int((await tx.execute(_OPEN, {"goal": goal})).scalar_one())


_EMPTY_GIFTERS = text("UPDATE goal_gifters SET coins = 0 WHERE goal = :goal AND coins <> 0")
_OPEN = text("""
    UPDATE goals SET backfill_attempt = backfill_attempt + 1, progress_coins = 0, contributors = 0
    WHERE goal = :goal RETURNING backfill_attempt
""")


async def begin_snapshot(snapshot: Transaction) -> int:
    """Fix what the snapshot sees to what has been counted until now; return its generation."""
    await snapshot.execute(_LIMIT)
    return await read_generation(snapshot)


_LIMIT = text(f"SET LOCAL statement_timeout = {READ_MILLISECONDS_MAX}")


async def read_generation(tx: Transaction) -> int:
    """Return the newest generation of counted gifts: 0, or the number of the last rebuild."""
    return int((await tx.execute(_GENERATION)).scalar_one())


_GENERATION = text("SELECT coalesce((SELECT generation FROM rebuilds), 0)")


async def read_past(snapshot: Transaction, goal: Goal, generation: int) -> Past:
    rows = await snapshot.execute(_READ, {**asdict(goal), "generation": generation})
    open_coins = {row.viewer: int(row.coins) for row in rows if row.viewer is not None}
    return Past(generation, sum(int(row.coins) for row in rows), open_coins)


_READ = text("""
    SELECT CASE WHEN NOT gifts.anonymous THEN gifts.viewer END AS viewer,
        sum(gifts.coins - coalesce(back.coins, 0)) AS coins
    FROM gifts
    LEFT JOIN LATERAL (
        SELECT sum(reversed_coins) AS coins FROM reversals WHERE reversals.gift = gifts.gift
    ) AS back ON true
    WHERE gifts.creator = :creator AND gifts.sent_at >= :starts_at
      AND (CAST(:ends_at AS timestamptz) IS NULL OR gifts.sent_at < CAST(:ends_at AS timestamptz))
      AND gifts.generation = :generation AND gifts.belongs
    GROUP BY 1
""")


async def close_backfill(tx: Transaction, goal: UUID, attempt: int, past: Past) -> None:
    """Lock a goal and add its past, unless another attempt has added it."""
    if not await tx.execute(_LOCK_OPEN, {"goal": goal, "attempt": attempt}):
        return
    # After a rebuild began, the past is counted as everything else is.
    is_current = await read_generation(tx) == past.generation
    if is_current and past.open_coins:
        viewers = sorted(past.open_coins)
        coins = [past.open_coins[viewer] for viewer in viewers]
        await tx.execute(_ADD_GIFTERS, {"goal": goal, "viewers": viewers, "coins": coins})
    await tx.execute(_CLOSE, {"goal": goal, "coins": past.coins if is_current else 0})


_LOCK_OPEN = text("SELECT FROM goals WHERE goal = :goal AND backfill_attempt = :attempt FOR UPDATE")
_ADD_GIFTERS = text("""
    INSERT INTO goal_gifters (goal, viewer, coins)
    SELECT CAST(:goal AS uuid), * FROM unnest(CAST(:viewers AS text[]), CAST(:coins AS bigint[]))
    ON CONFLICT (goal, viewer) DO UPDATE SET coins = goal_gifters.coins + excluded.coins
""")
_CLOSE = text("""
    UPDATE goals SET backfill_attempt = 0, progress_coins = progress_coins + :coins,
        contributors = (
            SELECT count(*) FROM goal_gifters WHERE goal_gifters.goal = goals.goal AND coins > 0
        )
    WHERE goal = :goal
""")


async def list_open_backfills(tx: Transaction, *, seconds: float) -> list[tuple[UUID, str]]:
    """Return goals, and their creators, that have lacked their past for so long."""
    return [(row.goal, row.creator) for row in await tx.execute(_LIST_OPEN, {"seconds": seconds})]


_LIST_OPEN = text("""
    SELECT goal, creator FROM goals
    WHERE backfill_attempt > 0 AND removed_at IS NULL
      AND created_at < now() - make_interval(secs => :seconds)
    ORDER BY created_at LIMIT 10
""")
