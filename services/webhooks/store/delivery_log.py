"""The log of deliveries as teams and operators read it, and replays of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.webhooks import columns as tables
from services.webhooks.domain.deliveries import Attempt, Delivery
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_delivery = RowMapper(Delivery, tables.Delivery)
_attempt = RowMapper(Attempt, tables.Attempt)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries are replayed: of one event, of a time, or those that failed."""

    event: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_failed: bool = False


async def read(tx: Transaction, endpoint: UUID, event: UUID) -> Delivery | None:
    row = (await tx.execute(_READ, {"endpoint": endpoint, "event": event})).first()
    return _delivery(row) if row is not None else None


async def read_body(tx: Transaction, event: UUID) -> str | None:
    """Return an event as it is sent; None if it is not kept any more."""
    row = (await tx.execute(_BODY, {"event": event})).first()
    return None if row is None else row.body


async def attempts_of(tx: Transaction, endpoint: UUID, event: UUID) -> list[Attempt]:
    rows = await tx.execute(_ATTEMPTS, {"endpoint": endpoint, "event": event})
    return [_attempt(row) for row in rows]


async def list_before(
    tx: Transaction,
    endpoint: UUID,
    *,
    state: str | None,
    name: str | None,
    before: int | None,
    limit: int,
) -> list[tuple[int, Delivery]]:
    """Return deliveries of an endpoint with their places, the newest first."""
    asked = {"endpoint": endpoint, "state": state, "name": name, "before": before, "limit": limit}
    return [(row.position, _delivery(row)) for row in await tx.execute(_LIST, asked)]


async def replay(
    tx: Transaction, endpoint: UUID, chosen: Chosen, *, lasts: timedelta, limit: int
) -> int:
    """Let ended deliveries of a locked endpoint be sent again; return how many."""
    asked = {
        "endpoint": endpoint,
        "event": chosen.event,
        "since": chosen.since,
        "until": chosen.until,
        "states": ["failed"] if chosen.only_failed else ["failed", "delivered"],
        "seconds": lasts.total_seconds(),
        "limit": limit,
    }
    return len(await tx.execute(_REPLAY, asked))


async def find_replay(tx: Transaction, endpoint: UUID, key: str) -> tuple[int, bytes] | None:
    """Return what a replay with this key did, and the hash of its request."""
    row = (await tx.execute(_FIND_REPLAY, {"endpoint": endpoint, "key": key})).first()
    return (row.deliveries, row.request_hash) if row is not None else None


async def add_replay(
    tx: Transaction, endpoint: UUID, *, key: str, request_hash: bytes, deliveries: int
) -> None:
    asked = {"endpoint": endpoint, "key": key, "hash": request_hash, "count": deliveries}
    await tx.execute(_ADD_REPLAY, asked)


_READ = text(f"""
    SELECT {_delivery.columns} FROM deliveries WHERE endpoint = :endpoint AND event = :event
""")  # noqa: S608 - our own text only
_BODY = text("SELECT body FROM events WHERE id = :event")
_ATTEMPTS = text(f"""
    SELECT {_attempt.columns} FROM attempts WHERE endpoint = :endpoint AND event = :event
    ORDER BY number DESC LIMIT 100
""")  # noqa: S608 - our own text only
_LIST = text(f"""
    SELECT position, {_delivery.columns} FROM deliveries
    WHERE endpoint = :endpoint
        AND (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:name AS text) IS NULL OR name = :name)
        AND (CAST(:before AS bigint) IS NULL OR position < :before)
    ORDER BY position DESC LIMIT :limit
""")  # noqa: S608 - our own text only
_REPLAY = text("""
    UPDATE deliveries SET state = 'pending', due_at = now(), finished_at = NULL,
        is_behind = false, attempts_before = attempts,
        expires_at = now() + make_interval(secs => CAST(:seconds AS float))
    WHERE endpoint = :endpoint AND event = ANY(ARRAY(
        SELECT chosen.event FROM deliveries AS chosen JOIN events ON events.id = chosen.event
        WHERE chosen.endpoint = :endpoint AND chosen.state = ANY(CAST(:states AS text[]))
            AND events.body IS NOT NULL
            AND (CAST(:event AS uuid) IS NULL OR chosen.event = :event)
            AND (CAST(:since AS timestamptz) IS NULL OR chosen.created_at >= :since)
            AND (CAST(:until AS timestamptz) IS NULL OR chosen.created_at < :until)
        ORDER BY chosen.position LIMIT :limit
    ))
    RETURNING 1
""")
_FIND_REPLAY = text("""
    SELECT deliveries, request_hash FROM replays WHERE endpoint = :endpoint AND key = :key
""")
_ADD_REPLAY = text("""
    INSERT INTO replays (endpoint, key, request_hash, deliveries)
    VALUES (:endpoint, :key, :hash, :count)
""")
