"""Counting what people do; the count is part of the transaction that does it."""

from shared.postgres.database import Transaction
from shared.postgres.statements import text
from shared.quotas.rules import DAY, Quota

FORGET_MAX = 5_000


async def use(tx: Transaction, user: str, quota: Quota) -> None:
    """
    Count one more of these acts, or refuse it.

    The user's row is locked until the transaction ends: of two at once the second waits, and sees
    what the first one did. A refusal rolls the count back with everything else.
    """
    asked = {
        "user": user,
        "act": quota.act,
        "count_max": quota.count_max,
        "seconds": float(quota.seconds),
    }
    used, left = (await tx.execute(_USE, asked)).one()
    if used > quota.count_max:
        raise quota.used_up(left)


async def forget_old(tx: Transaction) -> bool:
    """Delete some rows whose time is over; return whether there may be more."""
    rows = await tx.execute(_FORGET, {"seconds": float(2 * DAY), "limit": FORGET_MAX})
    return len(rows) == FORGET_MAX


_USE = text("""
    INSERT INTO quotas AS known (user_id, act, began_at, used)
    VALUES (:user, :act, clock_timestamp(), 1)
    ON CONFLICT (user_id, act) DO UPDATE SET (began_at, used) = (
        SELECT CASE WHEN is_over THEN excluded.began_at ELSE known.began_at END,
            CASE WHEN is_over THEN 1 ELSE least(known.used, CAST(:count_max AS bigint)) + 1 END
        FROM (
            SELECT extract(epoch FROM excluded.began_at - known.began_at) >= :seconds
        ) AS time (is_over)
    )
    RETURNING used, greatest(1, ceil(
        extract(epoch FROM began_at + make_interval(secs => :seconds) - clock_timestamp())
    ))::integer AS left
""")
# Of a range with one end PostgreSQL expects a third of the table, where it has no statistics. A
# row that is being used again is locked and stays.
_FORGET = text("""
    DELETE FROM quotas WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM quotas
        WHERE began_at BETWEEN '-infinity' AND now() - make_interval(secs => :seconds)
        ORDER BY began_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )) RETURNING 1
""")
