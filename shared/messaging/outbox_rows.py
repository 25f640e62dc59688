"""The outbox as its relay sees it: parts, waiting rows, blocked keys."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import structlog
from pydantic_core import from_json

from shared.contracts import envelope
from shared.messaging.outbox import PARTS
from shared.observability.metrics import (
    INBOX_ROWS,
    OUTBOX_BLOCKED_KEYS,
    OUTBOX_OLDEST_AGE_SECONDS,
    OUTBOX_PARKED,
    OUTBOX_PENDING,
)

log = structlog.get_logger()

RETRY_SECONDS_MAX = 60
# The first half of the advisory lock's key; the second is the part.
LOCK_CLASS = 7001


async def claim_parts(db: asyncpg.Connection, parts: Sequence[int]) -> list[int]:
    """Lock the parts that no other session holds, for as long as this session lives."""
    return [row["part"] for row in await db.fetch(_CLAIM, LOCK_CLASS, parts)]


_CLAIM = """
    SELECT part FROM unnest($2::int[]) AS part WHERE pg_try_advisory_lock($1, part)
"""


async def forgive(db: asyncpg.Connection, parts: Sequence[int]) -> None:
    """Let what the broker once refused by its rights be tried again."""
    await db.execute(_FORGIVE, parts)


_FORGIVE = """
    UPDATE outbox_blocked SET retry_at = now()
    WHERE part = ANY($1::smallint[]) AND retry_at IS NULL AND reason LIKE '%ACCESS_REFUSED%'
"""


async def read_waiting(
    db: asyncpg.Connection,
    parts: Sequence[int],
    *,
    limit: int,
    confirmed: Sequence[int],
    full: Sequence[str],
) -> list[asyncpg.Record]:
    """
    Return the oldest rows of parts that may be published.

    `confirmed` has the ids of rows that are published already, `full` the queues that take nothing
    now, each as `exchange|routing key`.
    """
    rows: list[asyncpg.Record] = await db.fetch(_WAITING, parts, limit, confirmed, full)
    return rows


# A scan by id that filters, on all statistics: with joins instead, an old plan would
# sort a whole backlog for each batch.
_WAITING = """
    SELECT id, part, key, message_id, exchange, routing_key, headers, body, attempts
    FROM outbox
    WHERE part = ANY($1::smallint[]) AND exchange || '|' || routing_key <> ALL ($4::text[])
      AND id NOT IN (SELECT unnest($3::bigint[]))
      AND NOT EXISTS (
        SELECT FROM outbox_blocked AS blocked
        WHERE blocked.part = outbox.part AND blocked.key = outbox.key
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
            _BLOCK, row["part"], row["key"], row["message_id"], reason, None if park else wait
        )


_BLOCK = """
    INSERT INTO outbox_blocked (part, key, message_id, reason, retry_at)
    VALUES ($1, $2, $3, $4, now() + $5::interval)
    ON CONFLICT (part, key) DO UPDATE
    SET message_id = excluded.message_id, reason = excluded.reason, retry_at = excluded.retry_at
"""


async def measure(db: asyncpg.Connection) -> None:
    """Show how much waits, and since when."""
    row = await db.fetchrow(_MEASURE)
    assert row is not None
    pending = dict(zip(row["parts"] or (), row["pending"] or (), strict=True))
    for part in range(PARTS):
        OUTBOX_PENDING.labels(part).set(pending.get(part, 0))
    INBOX_ROWS.set(row["inbox_rows"])
    OUTBOX_OLDEST_AGE_SECONDS.set(row["oldest_age_seconds"])
    OUTBOX_BLOCKED_KEYS.set(row["blocked"])


_MEASURE = """
    SELECT array_agg(part) AS parts, array_agg(pending) AS pending,
           coalesce(extract(epoch FROM now() - min(oldest)), 0)::float AS oldest_age_seconds,
           (SELECT count(*) FROM outbox_blocked) AS blocked,
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class
            WHERE oid = to_regclass('inbox')) AS inbox_rows
    FROM (
        SELECT part, count(*) AS pending, min(created_at) AS oldest
        FROM (SELECT part, created_at FROM outbox ORDER BY id LIMIT 100000) AS waiting
        GROUP BY part
    ) AS parts
"""
