"""
What a consumer stores in its team's own database: a schema with three tables.

`inbox` has the ids of what was handled, `waiting` the messages that failed and when each is tried
again (or, with `parked_at`, that a person has to look), `places` how far each log was read.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from ..amqp.delivery import Delivery, storable
from ..contracts.decoding import original_publisher

Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"

# Longer than the 30 days of the logs, so that a replay meets it.
RETENTION_DAYS = 35
FORGET_MAX = 10_000
REASON_CHARACTERS_MAX = 500
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Tables:
    """The statements of one schema."""

    def __init__(self, schema: str) -> None:
        assert _NAME.fullmatch(schema), "a schema's name has small letters, digits and _"
        self._sql: Mapping[str, str] = {
            name: statement.replace("{schema}", schema) for name, statement in _STATEMENTS.items()
        }

    async def create(self, connection: Connection) -> None:
        """Make what is missing; the role needs the right to create a schema, this once."""
        await connection.execute(self._sql["create"])

    async def claim(self, connection: Connection, ids: Collection[UUID]) -> set[UUID]:
        """
        Remember messages as handled; return the ids that were not remembered before.

        Sorted: two consumers with overlapping batches would otherwise each hold a row that the
        other waits for.
        """
        rows = await connection.fetch(self._sql["claim"], sorted(set(ids)))
        return {row["id"] for row in rows}

    async def set_aside(
        self, connection: Connection, delivery: Delivery, *, seconds: float | None, reason: str
    ) -> None:
        """Keep a message for its next attempt; without one, until a person has looked at it."""
        publisher = original_publisher(delivery.user_id, delivery.headers)
        values = (_key(delivery), storable(delivery.type), storable(publisher), delivery.body)
        await connection.execute(
            self._sql["set_aside"], *values, seconds, reason[:REASON_CHARACTERS_MAX]
        )

    async def due(self, connection: Connection) -> tuple[Delivery, int] | None:
        """Lock one message that is due, and return it with its attempts; others skip it."""
        row = await connection.fetchrow(self._sql["due"])
        if row is None:
            return None
        waited = Delivery(row["body"], row["type"], row["key"], row["publisher"], headers={})
        return waited, row["attempts"]

    async def done(self, connection: Connection, delivery: Delivery) -> None:
        await connection.execute(self._sql["done"], _key(delivery))

    async def failed_again(
        self,
        connection: Connection,
        delivery: Delivery,
        *,
        attempts: int,
        seconds: float | None,
        reason: str,
    ) -> None:
        """Set the next attempt, or park the message if there is none."""
        values = (_key(delivery), attempts, seconds, reason[:REASON_CHARACTERS_MAX])
        await connection.execute(self._sql["failed_again"], *values)

    async def place(self, connection: Connection, log: str) -> int | None:
        """Return the offset in a log from which to read on; None if it was never read."""
        found: Any = await connection.fetchval(self._sql["place"], log)
        return None if found is None else int(found)

    async def move(self, connection: Connection, log: str, offset: int) -> None:
        await connection.execute(self._sql["move"], log, offset)

    async def forget_old(self, connection: Connection) -> None:
        """Delete old ids: no redelivery and no log can bring their messages again."""
        await connection.execute(self._sql["forget"], RETENTION_DAYS, FORGET_MAX)


def _key(delivery: Delivery) -> str:
    """A message without an id is known by its body."""
    return storable(delivery.message_id) or hashlib.sha256(delivery.body).hexdigest()


_STATEMENTS = {
    "create": """
        CREATE SCHEMA IF NOT EXISTS {schema};
        CREATE TABLE IF NOT EXISTS {schema}.inbox (
            id          uuid        PRIMARY KEY,
            received_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX IF NOT EXISTS inbox_by_age ON {schema}.inbox USING brin (received_at);
        CREATE TABLE IF NOT EXISTS {schema}.waiting (
            key             text        PRIMARY KEY,
            type            text        NOT NULL,
            publisher       text        NOT NULL,
            body            bytea       NOT NULL,
            attempts        int         NOT NULL,
            reason          text        NOT NULL,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            parked_at       timestamptz
        );
        CREATE TABLE IF NOT EXISTS {schema}.places (
            log         text   PRIMARY KEY,
            next_offset bigint NOT NULL
        );
    """,
    "claim": """
        INSERT INTO {schema}.inbox (id)
        SELECT id FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, position) ORDER BY position
        ON CONFLICT DO NOTHING RETURNING id
    """,
    "set_aside": """
        INSERT INTO {schema}.waiting
            (key, type, publisher, body, attempts, reason, next_attempt_at, parked_at)
        VALUES ($1, $2, $3, $4, 1, $6, now() + make_interval(secs => coalesce($5::float8, 0)),
                CASE WHEN $5::float8 IS NULL THEN now() END)
        ON CONFLICT DO NOTHING
    """,
    "due": """
        SELECT key, type, publisher, body, attempts FROM {schema}.waiting
        WHERE parked_at IS NULL AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """,
    "done": "DELETE FROM {schema}.waiting WHERE key = $1",
    "failed_again": """
        UPDATE {schema}.waiting SET
            attempts = $2 + 1,
            reason = $4,
            next_attempt_at = now() + make_interval(secs => coalesce($3, 0)),
            parked_at = CASE WHEN $3::float8 IS NULL THEN now() END
        WHERE key = $1 AND attempts = $2
    """,
    "place": "SELECT next_offset FROM {schema}.places WHERE log = $1",
    "move": """
        INSERT INTO {schema}.places (log, next_offset) VALUES ($1, $2)
        ON CONFLICT (log) DO UPDATE SET next_offset = excluded.next_offset
        WHERE {schema}.places.next_offset < excluded.next_offset
    """,
    "forget": """
        DELETE FROM {schema}.inbox WHERE id IN (
            SELECT id FROM {schema}.inbox
            WHERE received_at < now() - make_interval(days => $1) LIMIT $2
        )
    """,
}
