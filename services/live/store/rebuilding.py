"""Counting everything again: what is emptied, and what is settled afterwards."""

from datetime import datetime

from sqlalchemy import text

from services.live.store.counting import Gifter
from shared.postgres.database import Transaction


async def begin(tx: Transaction) -> None:
    """Empty what follows from gifts, and forget that any was heard."""
    for statement in (_LOCK, _EMPTY, _ROOMS, _GIFTERS, _GOALS, _FORGET_HEARD, _BEGIN):
        await tx.execute(statement)


async def end_filling(tx: Transaction) -> None:
    """Remember that all that is said again is in the queue."""
    await tx.execute(_END_FILLING)


async def still_counting(tx: Transaction, *, earliest: datetime) -> None:
    """Remember that facts were heard, if some are older than the rebuild: what is new goes on."""
    await tx.execute(_STILL_COUNTING, {"earliest": earliest})


async def move_on(tx: Transaction, *, quiet_seconds: float, given_up_seconds: float) -> str | None:
    """
    Begin to settle once all was said again, and heard; return the phase it is in.

    It was heard when no old fact came for a while, and no gift that counted before is missing. A
    gift that nobody can say any more is given up.
    """
    await tx.execute(_MOVE_ON, {"seconds": quiet_seconds, "given_up": given_up_seconds})
    row = (await tx.execute(_PHASE, {"seconds": quiet_seconds})).first()
    return str(row.phase) if row else None


async def finish(tx: Transaction) -> None:
    await tx.execute(_FINISH)


async def gifters_to_settle(
    tx: Transaction, thresholds: tuple[int, ...], *, limit: int
) -> list[Gifter]:
    """Return, locked, gifters whose level is another than was announced."""
    rows = await tx.execute(_GIFTERS_TO_SETTLE, {"thresholds": list(thresholds), "limit": limit})
    return [Gifter(row.viewer, row.coins, row.level, row.revision) for row in rows]


async def supporters_to_settle(tx: Transaction, *, limit: int) -> list[tuple[str, str, int]]:
    """Return (creator, viewer, coins) of those whose entitlements do not fit what they gave."""
    rows = await tx.execute(_SUPPORTERS_TO_SETTLE, {"limit": limit})
    return [(row.creator, row.viewer, row.coins) for row in rows]


_LOCK = text("""
    LOCK TABLE rooms, rebuilds, gifts, scores, totals, supporters, gifters, goals
    IN ACCESS EXCLUSIVE MODE
""")
_EMPTY = text("TRUNCATE scores, totals, supporters, reversals, goal_gifters")
_ROOMS = text("UPDATE rooms SET gifts = 0, coins = 0")
_GIFTERS = text("UPDATE gifters SET gifts = 0, coins = 0, open_coins = 0")
_GOALS = text("UPDATE goals SET progress_coins = 0, contributors = 0")
_FORGET_HEARD = text("DELETE FROM inbox WHERE queue = 'live.gifts'")
_BEGIN = text("""
    INSERT INTO rebuilds (began_at, heard_at, phase) VALUES (now(), clock_timestamp(), 'counting')
    ON CONFLICT (only_one) DO UPDATE
    SET counting = rebuilds.counting + 1, began_at = excluded.began_at,
        filled_at = NULL, heard_at = excluded.heard_at, phase = excluded.phase
""")
_END_FILLING = text("UPDATE rebuilds SET filled_at = clock_timestamp()")
_STILL_COUNTING = text("""
    UPDATE rebuilds SET heard_at = clock_timestamp()
    WHERE began_at > :earliest AND phase = 'counting'
""")
# A consumer that pauses is quiet as well: then gifts are missing. Batches that began before they
# could know of it are over when as long has passed again.
_MOVE_ON = text("""
    UPDATE rebuilds SET phase = 'settling', heard_at = clock_timestamp()
    WHERE phase = 'counting'
      AND greatest(heard_at, filled_at) < now() - make_interval(secs => :seconds)
      AND filled_at IS NOT NULL
      AND (greatest(heard_at, filled_at) < now() - make_interval(secs => :given_up)
           OR NOT EXISTS (SELECT FROM gifts WHERE gifts.counted < rebuilds.counting))
""")
_PHASE = text("""
    SELECT phase FROM rebuilds
    WHERE phase = 'settling' AND heard_at < now() - make_interval(secs => :seconds)
""")
_FINISH = text("UPDATE rebuilds SET phase = 'done'")
_GIFTERS_TO_SETTLE = text("""
    SELECT viewer, coins, level, revision FROM gifters
    WHERE width_bucket(coins, CAST(:thresholds AS bigint[])) <> level
    ORDER BY viewer LIMIT :limit FOR UPDATE
""")
_SUPPORTERS_TO_SETTLE = text("""
    SELECT supporters.creator, supporters.viewer, supporters.coins
    FROM supporters
    JOIN perks ON perks.creator = supporters.creator
    LEFT JOIN entitlements ON entitlements.perk = perks.perk
        AND entitlements.viewer = supporters.viewer
    WHERE CASE
        WHEN entitlements.perk IS NULL
            THEN perks.removed_at IS NULL AND supporters.coins >= perks.threshold_coins
        WHEN entitlements.withdrawn THEN supporters.coins >= entitlements.threshold_coins
        ELSE entitlements.used = 0 AND supporters.coins < entitlements.threshold_coins
    END
    ORDER BY supporters.creator, supporters.viewer LIMIT :limit FOR UPDATE OF supporters
""")
