"""Counting everything again: what is emptied, and what is published afterwards."""

from datetime import datetime

from services.live import columns as tables
from services.live.domain.levels import Gifter
from services.live.store.entitlements import Given
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_gifter = RowMapper(Gifter, tables.Gifter)


async def begin_rebuild(tx: Transaction) -> None:
    """Empty the tables that follow from gifts: each gift counts again when it is received again."""
    for statement in (_LOCK, _EMPTY, _ROOMS, _GIFTERS, _GOALS, _BEGIN):
        await tx.execute(statement)


_LOCK = text("""
    LOCK TABLE rooms, rebuilds, gifts, scores, totals, supporters, gifters, goals
    IN ACCESS EXCLUSIVE MODE
""")
_EMPTY = text("TRUNCATE scores, totals, supporters, reversals, goal_gifters")
_ROOMS = text("UPDATE rooms SET gifts = 0, coins = 0")
_GIFTERS = text("UPDATE gifters SET gifts = 0, coins = 0, open_coins = 0")
_GOALS = text("UPDATE goals SET progress_coins = 0, contributors = 0")
_BEGIN = text("""
    INSERT INTO rebuilds (began_at, last_received_at, phase)
    VALUES (now(), clock_timestamp(), 'counting')
    ON CONFLICT (only_one) DO UPDATE
    SET generation = rebuilds.generation + 1, began_at = excluded.began_at, filled_at = NULL,
        last_received_at = excluded.last_received_at, phase = excluded.phase
""")


async def end_filling(tx: Transaction) -> None:
    """Remember that all republished events are in the queue."""
    await tx.execute(_END_FILLING)


_END_FILLING = text("UPDATE rebuilds SET filled_at = clock_timestamp()")


async def note_old_events(tx: Transaction, *, earliest: datetime) -> None:
    """Remember that events came if some are older than the rebuild: then it is not over."""
    await tx.execute(_NOTE_OLD_EVENTS, {"earliest": earliest})


_NOTE_OLD_EVENTS = text("""
    UPDATE rebuilds SET last_received_at = clock_timestamp()
    WHERE began_at > :earliest AND phase = 'counting'
""")


async def advance_rebuild(
    tx: Transaction, *, quiet_seconds: float, given_up_seconds: float
) -> str | None:
    """
    Begin to publish once all events were received again; return the phase it is in.

    They were when no old event came for a while, and no gift that counted before is missing. A gift
    that no service can republish is given up.
    """
    await tx.execute(_ADVANCE, {"seconds": quiet_seconds, "given_up": given_up_seconds})
    row = (await tx.execute(_PHASE, {"seconds": quiet_seconds})).first()
    return str(row.phase) if row else None


# A consumer that pauses is quiet as well: then gifts are missing. Batches that began before they
# could know of it are over when as long has passed again.
_ADVANCE = text("""
    UPDATE rebuilds SET phase = 'publishing', last_received_at = clock_timestamp()
    WHERE phase = 'counting'
      AND greatest(last_received_at, filled_at) < now() - make_interval(secs => :seconds)
      AND filled_at IS NOT NULL
      AND (greatest(last_received_at, filled_at) < now() - make_interval(secs => :given_up)
           OR NOT EXISTS (SELECT FROM gifts WHERE gifts.generation < rebuilds.generation))
""")
_PHASE = text("""
    SELECT phase FROM rebuilds
    WHERE phase = 'publishing' AND last_received_at < now() - make_interval(secs => :seconds)
""")


async def finish_rebuild(tx: Transaction) -> None:
    await tx.execute(_FINISH)


_FINISH = text("UPDATE rebuilds SET phase = 'done'")


async def lock_changed_gifters(
    tx: Transaction, thresholds: tuple[int, ...], *, limit: int
) -> list[Gifter]:
    """Lock and return gifters whose level differs from the published one."""
    rows = await tx.execute(_LOCK_GIFTERS, {"thresholds": list(thresholds), "limit": limit})
    return [_gifter(row) for row in rows]


_LOCK_GIFTERS = text(f"""
    SELECT {_gifter.columns} FROM gifters
    WHERE width_bucket(coins, CAST(:thresholds AS bigint[])) <> level
    ORDER BY viewer LIMIT :limit FOR UPDATE
""")


async def lock_changed_supporters(tx: Transaction, *, limit: int) -> list[Given]:
    """Lock and return supporters whose entitlements do not fit what they gave."""
    rows = await tx.execute(_LOCK_SUPPORTERS, {"limit": limit})
    return [(row.creator, row.viewer, row.coins) for row in rows]


_LOCK_SUPPORTERS = text("""
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
