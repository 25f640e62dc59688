"""Which payouts are requested automatically, and when."""

from datetime import datetime

from services.payout import columns as tables
from services.payout.domain.schedules import Schedule
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_schedule = RowMapper(Schedule, tables.PayoutSchedule)
_CHOSEN = ("kind", "threshold_diamonds", "currency", "age_years", "country", "next_at")


async def save(tx: Transaction, schedule: Schedule) -> None:
    """Write what a creator chose; what became of the last try stays."""
    await tx.execute(_SAVE, arrays([schedule], "creator", *_CHOSEN))


_SAVE = insert_rows(
    tables.PayoutSchedule,
    *("creator", *_CHOSEN),
    then="ON CONFLICT (creator) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _CHOSEN),
)


async def find(tx: Transaction, creator: str) -> Schedule | None:
    row = (await tx.execute(_FIND, {"creator": creator})).first()
    return _schedule(row) if row else None


_FIND = text(f"SELECT {_schedule.columns} FROM payout_schedules WHERE creator = :creator")  # noqa: S608


async def due(tx: Transaction, limit: int, *, now: datetime) -> list[Schedule]:
    """Return schedules whose time has come, the oldest first."""
    return [_schedule(row) for row in await tx.execute(_DUE, {"now": now, "limit": limit})]


_DUE = text(f"""
    SELECT {_schedule.columns} FROM payout_schedules
    WHERE next_at <= CAST(:now AS timestamptz) ORDER BY next_at, creator LIMIT :limit
""")  # noqa: S608 - our own text only


async def advance(
    tx: Transaction,
    schedule: Schedule,
    *,
    tried_at: datetime,
    next_at: datetime | None,
    refusal: str | None,
) -> bool:
    """
    Write what became of a try and when the next one is; the row is locked from here on.

    False if another worker was here before, or the creator chose something else meanwhile.
    """
    values = {
        "creator": schedule.creator,
        "kind": schedule.kind.value,
        "was_at": schedule.next_at,
        "tried_at": tried_at,
        "next_at": next_at,
        "refusal": refusal,
    }
    return bool(await tx.execute(_ADVANCE, values))


_ADVANCE = text("""
    UPDATE payout_schedules
    SET next_at = :next_at, last_tried_at = :tried_at, last_refusal = :refusal
    WHERE creator = :creator AND kind = :kind AND next_at = :was_at
    RETURNING creator
""")
