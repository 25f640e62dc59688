"""When purchases that are paid are read again at their provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import uniform

from services.purchase import columns as tables
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.watches import RETRY_AFTER, WatchPlan
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, unnest
from shared.postgres.statements import text

_purchase = RowMapper(Purchase, tables.Purchase)
# A bank may take longer to decide than purchases are watched: its answer is waited for.
_IS_OPEN = """
    EXISTS (
        SELECT FROM disputes
        WHERE disputes.viewer = purchases.viewer AND disputes.purchase = purchases.id
            AND disputes.payment = purchases.payment AND disputes.state = 'open'
    )
"""
# So much of each provider: many old purchases of one do not keep those of another waiting. What got
# no answer comes again, and not for ever.
_CLAIM = text(f"""
    UPDATE purchases SET watch_at = due.next_at
    FROM (
        SELECT watched.viewer, watched.id, watched.watch_at AS due_at, watched.next_at
        FROM unnest(CAST(:providers AS text[]), CAST(:limits AS bigint[]))
            AS installed (provider, reads)
        CROSS JOIN LATERAL (
            SELECT viewer, id, watch_at, CASE
                WHEN paid_at + CAST(:lasts AS interval) + CAST(:every AS interval)
                    > CAST(:now AS timestamptz) OR {_IS_OPEN}
                THEN CAST(:now AS timestamptz) + CAST(:retry AS interval)
            END AS next_at
            FROM purchases
            WHERE purchases.provider = installed.provider
                AND watch_at <= CAST(:now AS timestamptz)
            ORDER BY watch_at LIMIT installed.reads FOR UPDATE SKIP LOCKED
        ) AS watched
    ) AS due
    WHERE purchases.viewer = due.viewer AND purchases.id = due.id
    RETURNING {_purchase.columns}, due.due_at
""")  # noqa: S608 - our own text only


async def claim(
    tx: Transaction, limits: Mapping[str, int], plan: WatchPlan, *, now: datetime
) -> list[tuple[Purchase, datetime]]:
    """Take so many purchases of providers whose turn it is, and since when it was."""
    asked = {
        "providers": list(limits),
        "limits": list(limits.values()),
        "now": now,
        "lasts": plan.lasts,
        "every": plan.every,
        "retry": RETRY_AFTER,
    }
    return [(_purchase(row), row["due_at"]) for row in await tx.execute(_CLAIM, asked)]


# Not all at the same time of the week: the pauses differ by up to a quarter.
_END = text(f"""
    UPDATE purchases SET watch_at = done.next_at
    FROM (
        SELECT purchases.viewer, purchases.id, CASE
            WHEN paid_at + CAST(:lasts AS interval) > CAST(:now AS timestamptz)
            THEN least(new.watch_at, paid_at + CAST(:lasts AS interval))
            WHEN {_IS_OPEN} THEN new.watch_at
        END AS next_at
        FROM purchases JOIN {unnest(tables.Purchase, "viewer", "id", "watch_at")}
            ON purchases.viewer = new.viewer AND purchases.id = new.id
    ) AS done
    WHERE purchases.viewer = done.viewer AND purchases.id = done.id
""")  # noqa: S608 - our own text only


async def end_turns(
    tx: Transaction, watched: Sequence[Purchase], plan: WatchPlan, *, now: datetime
) -> None:
    """Record that purchases were read; the last time is when the watch ends."""
    if watched:
        ordered = sorted(watched, key=lambda each: (each.viewer, each.id))
        about: dict[str, object] = {"lasts": plan.lasts, "now": now}
        about["watch_at"] = [now + plan.every * uniform(0.75, 1.25) for _ in ordered]  # noqa: S311
        await tx.execute(_END, {**arrays(ordered, "viewer", "id"), **about})
