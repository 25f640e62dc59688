"""The outbox as its relay sees it: waiting rows and blocked keys of shares."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import structlog
from pydantic_core import from_json

from shared.contracts import envelope
from shared.messaging.outbox import SHARES
from shared.observability.metrics import (
    INBOX_ROWS,
    OUTBOX_BLOCKED_KEYS,
    OUTBOX_OLDEST_AGE_SECONDS,
    OUTBOX_PARKED,
    OUTBOX_PENDING,
)

log = structlog.get_logger()

RETRY_SECONDS_MAX = 60


async def forgive(db: asyncpg.Connection, shares: Sequence[int]) -> None:
    """Let what the broker once refused by its rights be tried again."""
    await db.execute(_FORGIVE, shares)


_FORGIVE = """
    UPDATE outbox_blocked SET retry_at = now()
    WHERE share = ANY($1::smallint[]) AND retry_at IS NULL AND reason LIKE '%ACCESS_REFUSED%'
"""


async def read_waiting(
    db: asyncpg.Connection,
    shares: Sequence[int],
    *,
    limit: int,
    confirmed: Sequence[int],
    full: Sequence[str],
) -> list[asyncpg.Record]:
    """
    Return the oldest rows of shares that may be published.

    `confirmed` has the ids of rows that are published already, `full` the queues that take nothing
    now, each as `exchange|routing key`.
    """
    rows: list[asyncpg.Record] = await db.fetch(_WAITING, shares, limit, confirmed, full)
    return rows


# A scan by id that filters, on all statistics: with joins instead, an old plan would
# sort a whole backlog for each batch.
_WAITING = """
    SELECT id, share, key, message_id, exchange, routing_key, headers, body, attempts
    FROM outbox
    WHERE share = ANY($1::smallint[]) AND exchange || '|' || routing_key <> ALL ($4::text[])
      AND id NOT IN (SELECT unnest($3::bigint[]))
      AND NOT EXISTS (
        SELECT FROM outbox_blocked AS blocked
        WHERE blocked.share = outbox.share AND blocked.key = outbox.key
          AND (blocked.retry_at IS NULL OR blocked.retry_at > now())
        OFFSET 0
    )
    ORDER BY id
    LIMIT $2
"""


def headers_of(row: asyncpg.Record) -> dict[str, str]:
    """Return the headers that a row leaves with."""
    if row["headers"] is None:
        return envelope.headers_of(row["body"])
    headers: dict[str, str] = from_json(row["headers"])
    return headers


async def delete(db: asyncpg.Connection, ids: Sequence[int]) -> None:
    """Delete published rows, and unblock the keys that waited for one of them."""
    await db.execute(_DELETE, ids)


_DELETE = """
    WITH gone AS (
        DELETE FROM outbox WHERE id = ANY($1::bigint[]) RETURNING message_id, attempts
    )
    DELETE FROM outbox_blocked
    WHERE message_id IN (SELECT message_id FROM gone WHERE attempts > 0)
"""


async def block(db: asyncpg.Connection, row: asyncpg.Record, reason: str, *, park: bool) -> None:
    """Let a key wait behind a message the broker does not route, or park it for an operator."""
    log.error(
        "outbox.blocked",
        routing_key=row["routing_key"],
        message_id=str(row["message_id"]),
        attempts=row["attempts"] + 1,
        reason=reason,
        parked=park,
    )
    OUTBOX_PARKED.inc(park)
    wait = timedelta(seconds=min(0.1 * 2 ** row["attempts"], RETRY_SECONDS_MAX))
    async with db.transaction():
        await db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE id = $1", row["id"])
        await db.execute(
            _BLOCK, row["share"], row["key"], row["message_id"], reason, None if park else wait
        )


_BLOCK = """
    INSERT INTO outbox_blocked (share, key, message_id, reason, retry_at)
    VALUES ($1, $2, $3, $4, now() + $5::interval)
    ON CONFLICT (share, key) DO UPDATE
    SET message_id = excluded.message_id, reason = excluded.reason, retry_at = excluded.retry_at
"""


async def measure(db: asyncpg.Connection, shares: Sequence[int]) -> None:
    """Show how much of the shares of this relay waits, and since when anything does."""
    row = await db.fetchrow(_MEASURE)
    assert row is not None
    pending = dict(zip(row["shares"] or (), row["pending"] or (), strict=True))
    for share in range(SHARES):
        # Of another's shares nothing: the sum over all instances is what waits.
        OUTBOX_PENDING.labels(share).set(pending.get(share, 0) if share in shares else 0)
    INBOX_ROWS.set(row["inbox_rows"])
    OUTBOX_OLDEST_AGE_SECONDS.set(row["oldest_age_seconds"])
    OUTBOX_BLOCKED_KEYS.set(row["blocked"])


_MEASURE = """
    SELECT array_agg(share) AS shares, array_agg(pending) AS pending,
           coalesce(extract(epoch FROM now() - min(oldest)), 0)::float AS oldest_age_seconds,
           (SELECT count(*) FROM outbox_blocked) AS blocked,
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class
            WHERE oid = to_regclass('inbox')) AS inbox_rows
    FROM (
        SELECT share, count(*) AS pending, min(created_at) AS oldest
        FROM (SELECT share, created_at FROM outbox ORDER BY id LIMIT 100000) AS waiting
        GROUP BY share
    ) AS shares
"""
