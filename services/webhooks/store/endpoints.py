"""Endpoints of teams, and what teams were granted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.webhooks import columns as tables
from services.webhooks.domain.endpoints import DisabledBy, Endpoint
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_endpoint = RowMapper(Endpoint, tables.Endpoint)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint that is asked for; `key` and `request_hash` are of the request."""

    id: UUID
    team: str
    key: str
    request_hash: bytes
    url: str
    description: str
    events: Sequence[str]


async def granted_to(tx: Transaction, team: str) -> frozenset[str]:
    """Return the names of the events that a team may have."""
    return frozenset(row.event for row in await tx.execute(_GRANTED, {"team": team}))


async def count(tx: Transaction, team: str) -> int:
    return int((await tx.execute(_COUNT, {"team": team})).scalar_one())


async def lock_team(tx: Transaction, team: str) -> None:
    """Let requests that add endpoints of one team wait for each other."""
    await tx.execute(_LOCK_TEAM, {"team": team})


async def find_by_key(tx: Transaction, team: str, key: str) -> tuple[Endpoint, bytes] | None:
    """Return the endpoint that a request with this key made, and the hash of that request."""
    row = (await tx.execute(_OF_KEY, {"team": team, "key": key})).first()
    return (_endpoint(row), row.request_hash) if row is not None else None


async def add(tx: Transaction, new: NewEndpoint) -> Endpoint:
    asked = {name: getattr(new, name) for name in NewEndpoint.__slots__}
    return _endpoint((await tx.execute(_ADD, {**asked, "events": list(new.events)})).one())


async def read(tx: Transaction, team: str, endpoint: UUID) -> Endpoint | None:
    row = (await tx.execute(_READ, {"team": team, "id": endpoint})).first()
    return _endpoint(row) if row is not None else None


async def lock(tx: Transaction, team: str, endpoint: UUID) -> Endpoint | None:
    row = (await tx.execute(_LOCK, {"team": team, "id": endpoint})).first()
    return _endpoint(row) if row is not None else None


async def list_after(
    tx: Transaction, team: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[Endpoint]:
    """Return endpoints of a team, the oldest first."""
    at, identifier = after or (None, None)
    asked = {"team": team, "at": at, "id": identifier, "limit": limit}
    return [_endpoint(row) for row in await tx.execute(_LIST, asked)]


async def save(tx: Transaction, endpoint: Endpoint) -> Endpoint:
    """Write what a caller may change of a locked endpoint."""
    changed = {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "disabled": endpoint.disabled,
        "failures": endpoint.failures,
        "paused_until": endpoint.paused_until,
    }
    return _endpoint((await tx.execute(_SAVE, changed)).one())


async def delete(tx: Transaction, endpoint: UUID) -> None:
    """Delete a locked endpoint: its secrets at once, its deliveries by and by."""
    await tx.execute(_DELETE_SECRETS, {"id": endpoint})
    await tx.execute(_DELETE, {"id": endpoint})


async def forget_deleted(tx: Transaction, limit: int) -> int:
    """Forget deleted endpoints that have no delivery any more."""
    return len(await tx.execute(_FORGET, {"limit": limit}))


async def record_failures(
    tx: Transaction, endpoint: UUID, *, failures: int, pause_seconds: float | None
) -> None:
    """Write how often a locked endpoint has failed in a row, and for how long it is left alone."""
    asked = {"id": endpoint, "failures": failures, "seconds": pause_seconds}
    await tx.execute(_RECORD_FAILURES, asked)


async def disable(tx: Transaction, endpoint: UUID, by: DisabledBy) -> None:
    """Disable a locked endpoint."""
    await tx.execute(_DISABLE, {"id": endpoint, "disabled": by})


_GRANTED = text("SELECT event FROM grants WHERE team = :team")
_COUNT = text("SELECT count(*) FROM endpoints WHERE team = :team AND deleted_at IS NULL")
_LOCK_TEAM = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('webhooks.team:' || CAST(:team AS text), 0))"
)
_OF_KEY = text(f"""
    SELECT {_endpoint.columns}, request_hash FROM endpoints WHERE team = :team AND key = :key
""")  # noqa: S608 - our own text only
_ADD = text(f"""
    INSERT INTO endpoints (id, team, key, request_hash, url, description, events)
    VALUES (:id, :team, :key, :request_hash, :url, :description, CAST(:events AS text[]))
    RETURNING {_endpoint.columns}
""")  # noqa: S608 - our own text only
_READ = text(f"""
    SELECT {_endpoint.columns} FROM endpoints
    WHERE team = :team AND id = :id AND deleted_at IS NULL
""")  # noqa: S608 - our own text only
_LOCK = text(f"{_READ.text} FOR NO KEY UPDATE")
_LIST = text(f"""
    SELECT {_endpoint.columns} FROM endpoints
    WHERE team = :team AND deleted_at IS NULL AND (
        CAST(:at AS timestamptz) IS NULL
        OR (created_at, id) > (CAST(:at AS timestamptz), CAST(:id AS uuid))
    )
    ORDER BY created_at, id LIMIT :limit
""")  # noqa: S608 - our own text only
_SAVE = text(f"""
    UPDATE endpoints SET url = :url, description = :description,
        events = CAST(:events AS text[]), disabled = :disabled, failures = :failures,
        paused_until = :paused_until, changed_at = clock_timestamp()
    WHERE id = :id RETURNING {_endpoint.columns}
""")  # noqa: S608 - our own text only
_DELETE_SECRETS = text("DELETE FROM endpoint_secrets WHERE endpoint = :id")
_DELETE = text("UPDATE endpoints SET deleted_at = clock_timestamp() WHERE id = :id")
_FORGET = text("""
    DELETE FROM endpoints WHERE id = ANY(ARRAY(
        SELECT id FROM endpoints
        WHERE deleted_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM deliveries WHERE endpoint = endpoints.id)
        LIMIT :limit FOR UPDATE SKIP LOCKED
    )) RETURNING 1
""")
_RECORD_FAILURES = text("""
    UPDATE endpoints SET failures = :failures,
        paused_until = clock_timestamp() + make_interval(secs => CAST(:seconds AS float))
    WHERE id = :id
""")
_DISABLE = text("""
    UPDATE endpoints SET disabled = :disabled, changed_at = clock_timestamp() WHERE id = :id
""")
