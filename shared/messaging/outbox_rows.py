"""The outbox as its relay sees it: waiting rows and blocked keys of shares."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import asyncpg
import structlog
from pydantic_core import from_json

from shared.contracts import envelope
from shared.messaging.outbox import share_of_part, topic_of, topic_of_part
from shared.observability.metrics import (
    OUTBOX_PARKED,
)
from shared.postgres.parts import schema_of

log = structlog.get_logger()

RETRY_SECONDS_MAX = 60


class Outbox:
    """
    The outbox of a part of the users, as its relay sees it.

    `part` is None for the only one, and for that of the schema of reference.
    """

    def __init__(self, part: int | None) -> None:
        self.part = part
        schema = "" if part is None else f"{schema_of(part)}."

        def of_schema(statement: str) -> str:
            return statement.replace("{schema}", schema)

        self._forgive = of_schema(_FORGIVE)
        self._waiting = of_schema(_WAITING).replace("{part}", "NULL" if part is None else str(part))
        self._delete = of_schema(_DELETE)
        self._attempt, self._block = of_schema(_ATTEMPT), of_schema(_BLOCK)
        self._measure = of_schema(_MEASURE)

    def is_of(self, shares: Collection[int]) -> bool:
        """Whether a relay that has these shares has rows to publish here."""
        return bool(shares) if self.part is None else share_of_part(self.part) in shares

    def topics(self, shares: Collection[int]) -> list[str]:
        """Return what wakes a relay that has these shares."""
        if self.part is None:
            return [*map(topic_of, shares)]
        return [topic_of_part(self.part)] if self.is_of(shares) else []

    async def forgive(self, db: asyncpg.Connection, shares: Sequence[int]) -> None:
        """Let what the broker once refused by its rights be tried again."""
        await db.execute(self._forgive, shares)

    async def read_waiting(
        self,
        db: asyncpg.Connection,
        shares: Sequence[int],
        *,
        limit: int,
        confirmed: Sequence[int],
        full: Sequence[str],
    ) -> list[asyncpg.Record]:
        """
        Return the oldest rows of shares that may be published.

        `confirmed` has the ids of rows that are published already, `full` the queues that take
        nothing now, each as `exchange|routing key`.
        """
        rows: list[asyncpg.Record] = await db.fetch(self._waiting, shares, limit, confirmed, full)
        return rows

    async def delete(self, db: asyncpg.Connection, ids: Sequence[int]) -> None:
        """Delete published rows, and unblock the keys that waited for one of them."""
        await db.execute(self._delete, ids)

    async def block(
        self, db: asyncpg.Connection, row: asyncpg.Record, reason: str, *, park: bool
    ) -> None:
        """Let a key wait behind a message the broker does not route, or park it."""
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
        about = (row["share"], row["key"], row["message_id"], reason, None if park else wait)
        async with db.transaction():
            await db.execute(self._attempt, row["id"])
            await db.execute(self._block, *about)

    async def read_measures(self, db: asyncpg.Connection) -> asyncpg.Record:
        """Return how much waits here, since when, and how much is blocked."""
        row = await db.fetchrow(self._measure)
        assert row is not None
        return row


def headers_of(row: asyncpg.Record) -> dict[str, str]:
    """Return the headers that a row leaves with."""
    if row["headers"] is None:
        return envelope.headers_of(row["body"])
    headers: dict[str, str] = from_json(row["headers"])
    return headers


_FORGIVE = """
    UPDATE {schema}outbox_blocked SET retry_at = now()
    WHERE share = ANY($1::smallint[]) AND retry_at IS NULL AND reason LIKE '%ACCESS_REFUSED%'
"""
# A scan by id that filters, on all statistics: with joins instead, an old plan would
# sort a whole backlog for each batch.
_WAITING = """
    SELECT {part} AS part, id, share, key, message_id, exchange, routing_key, headers, body,
           attempts
    FROM {schema}outbox AS waiting
    WHERE share = ANY($1::smallint[]) AND exchange || '|' || routing_key <> ALL ($4::text[])
      AND id NOT IN (SELECT unnest($3::bigint[]))
      AND NOT EXISTS (
        SELECT FROM {schema}outbox_blocked AS blocked
        WHERE blocked.share = waiting.share AND blocked.key = waiting.key
          AND (blocked.retry_at IS NULL OR blocked.retry_at > now())
        OFFSET 0
    )
    ORDER BY id
    LIMIT $2
"""
_DELETE = """
    WITH gone AS (
        DELETE FROM {schema}outbox WHERE id = ANY($1::bigint[]) RETURNING message_id, attempts
    )
    DELETE FROM {schema}outbox_blocked
    WHERE message_id IN (SELECT message_id FROM gone WHERE attempts > 0)
"""
_ATTEMPT = "UPDATE {schema}outbox SET attempts = attempts + 1 WHERE id = $1"
_BLOCK = """
    INSERT INTO {schema}outbox_blocked (share, key, message_id, reason, retry_at)
    VALUES ($1, $2, $3, $4, now() + $5::interval)
    ON CONFLICT (share, key) DO UPDATE
    SET message_id = excluded.message_id, reason = excluded.reason, retry_at = excluded.retry_at
"""
_MEASURE = """
    SELECT array_agg(share) AS shares, array_agg(pending) AS pending,
           coalesce(extract(epoch FROM now() - min(oldest)), 0)::float AS oldest_age_seconds,
           (SELECT count(*) FROM {schema}outbox_blocked) AS blocked,
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class
            WHERE oid = to_regclass('{schema}inbox')) AS inbox_rows
    FROM (
        SELECT share, count(*) AS pending, min(created_at) AS oldest
        FROM (SELECT share, created_at FROM {schema}outbox ORDER BY id LIMIT 100000) AS waiting
        GROUP BY share
    ) AS shares
"""
