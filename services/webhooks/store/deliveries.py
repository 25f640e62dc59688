"""
Deliveries as the worker sees them: claimed under a lease, recorded, and in order.

Who changes deliveries of an endpoint has its row locked first: so of several processes one at a
time claims or records, an endpoint's bound holds for all of them together, and none overlooks
what another has just finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.webhooks import columns as tables
from services.webhooks.domain.deliveries import DueDelivery, Result
from shared.postgres.database import Transaction
from shared.postgres.rows import arrays, insert_rows
from shared.postgres.statements import text

DELIVERIES_DUE = "deliveries"
PING = "webhooks.ping"
# A delivery behind another is looked at again so much later, if nothing makes it due before.
BEHIND_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LockedEndpoint:
    """An endpoint that is locked: how often it has failed in a row."""

    id: UUID
    team: str
    url: str
    failures: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that is due: whether it is the first of its subject, and may be sent at all."""

    event: UUID
    is_first: bool
    is_granted: bool


async def due_endpoints(tx: Transaction, limit: int) -> list[UUID]:
    """Return endpoints that have something due, in no order that would favour one."""
    return [row.id for row in await tx.execute(_DUE_ENDPOINTS, {"limit": limit})]


async def seconds_to_next(tx: Transaction) -> float | None:
    """Return in how many seconds something is due; None if nothing waits."""
    seconds: float | None = (await tx.execute(_NEXT)).scalar_one()
    return seconds


async def lock_open_endpoint(tx: Transaction, endpoint: UUID) -> LockedEndpoint | None:
    """Lock an endpoint that may be asked now; None if it may not any more."""
    row = (await tx.execute(_LOCK_OPEN, {"id": endpoint})).first()
    return LockedEndpoint(row.id, row.team, row.url, row.failures) if row is not None else None


async def lock_endpoints(tx: Transaction, endpoints: Sequence[UUID]) -> dict[UUID, LockedEndpoint]:
    """Lock endpoints, whatever their state."""
    rows = await tx.execute(_LOCK, {"ids": sorted(set(endpoints))})
    return {row.id: LockedEndpoint(row.id, row.team, row.url, row.failures) for row in rows}


async def count_leased(tx: Transaction, endpoint: UUID) -> int:
    """Return how many attempts are being made at a locked endpoint."""
    return int((await tx.execute(_LEASED, {"endpoint": endpoint})).scalar_one())


async def candidates(tx: Transaction, endpoint: LockedEndpoint, limit: int) -> list[Candidate]:
    """Lock what is due at a locked endpoint, the oldest first."""
    asked = {"endpoint": endpoint.id, "team": endpoint.team, "ping": PING, "limit": limit}
    rows = await tx.execute(_CANDIDATES, asked)
    return [Candidate(row.event, row.is_first, row.is_granted) for row in rows]


async def put_behind(tx: Transaction, endpoint: UUID, events: Sequence[UUID]) -> None:
    """Let deliveries wait for the first one of their subject."""
    if events:
        asked = {"endpoint": endpoint, "events": list(events), "seconds": BEHIND_SECONDS}
        await tx.execute(_PUT_BEHIND, asked)


async def lease(
    tx: Transaction,
    endpoint: LockedEndpoint,
    events: Sequence[UUID],
    *,
    claim: UUID,
    seconds: float,
) -> list[DueDelivery]:
    """Take deliveries for an attempt each; if their process dies, they are due after so long."""
    asked = {"endpoint": endpoint.id, "events": list(events), "lease": claim, "seconds": seconds}
    return [
        DueDelivery(
            endpoint=endpoint.id,
            event=row.event,
            name=row.name,
            number=row.attempts,
            tries=row.tries,
            lease=claim,
            expires_at=row.expires_at,
            url=endpoint.url,
            body=row.body,
        )
        for row in await tx.execute(_LEASE, asked)
    ]


async def add_attempts(tx: Transaction, results: Sequence[Result]) -> None:
    """Keep what came of attempts."""
    await tx.execute(
        _ADD_ATTEMPTS,
        {
            **arrays(results, "began_at", "milliseconds", "status", "error", "answer"),
            **arrays(results, endpoint="due.endpoint", event="due.event", number="due.number"),
        },
    )


async def finish(
    tx: Transaction, endpoint: UUID, events: Sequence[UUID], state: str, *, lease: UUID | None
) -> int:
    """
    End deliveries of a locked endpoint, and make due what waited for them; return how many.

    With a `lease` those that another claim has taken meanwhile stay as they are; without one only
    what is overdue fails.
    """
    asked = {"endpoint": endpoint, "events": list(events), "state": state, "lease": lease}
    ended = len(await tx.execute(_FINISH, asked))
    await tx.execute(_PROMOTE, {"endpoint": endpoint, "events": list(events)})
    return ended


async def retry(tx: Transaction, due: DueDelivery, seconds: float) -> None:
    """Let a delivery wait for its next attempt, unless another claim has taken it meanwhile."""
    asked = {"endpoint": due.endpoint, "event": due.event, "lease": due.lease, "seconds": seconds}
    await tx.execute(_RETRY, asked)


async def overdue(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """Return endpoint and event of deliveries that are to be given up, or cancelled."""
    rows = await tx.execute(_OVERDUE, {"limit": limit})
    return [(row.endpoint, row.event) for row in rows]


async def of_deleted(tx: Transaction, limit: int) -> list[tuple[UUID, UUID]]:
    """Return endpoint and event of what is still pending of deleted endpoints."""
    rows = await tx.execute(_OF_DELETED, {"limit": limit})
    return [(row.endpoint, row.event) for row in rows]


_OPEN = """
    deleted_at IS NULL AND disabled IS NULL AND (paused_until IS NULL OR paused_until <= now())
"""
_DUE_ENDPOINTS = text(f"""
    SELECT id FROM endpoints WHERE {_OPEN} AND EXISTS (
        SELECT FROM deliveries
        WHERE endpoint = endpoints.id AND state = 'pending' AND due_at <= now()
    )
    ORDER BY random() LIMIT :limit
""")  # noqa: S608 - our own text only
_NEXT = text("""
    SELECT extract(epoch FROM min(greatest(first.due_at, endpoints.paused_until)) - now())::float
    FROM endpoints CROSS JOIN LATERAL (
        SELECT due_at FROM deliveries WHERE endpoint = endpoints.id AND state = 'pending'
        ORDER BY due_at LIMIT 1
    ) AS first
    WHERE deleted_at IS NULL AND disabled IS NULL
""")
_LOCK_OPEN = text(f"""
    SELECT id, team, url, failures FROM endpoints WHERE id = :id AND {_OPEN} FOR NO KEY UPDATE
""")  # noqa: S608 - our own text only
_LOCK = text("""
    SELECT id, team, url, failures FROM endpoints WHERE id = ANY(CAST(:ids AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE
""")
_LEASED = text("""
    SELECT count(*) FROM deliveries
    WHERE endpoint = :endpoint AND lease IS NOT NULL AND due_at > now()
""")
_CANDIDATES = text("""
    SELECT due.event, first.event = due.event AS is_first, (
        due.name = :ping
        OR EXISTS (SELECT FROM grants WHERE team = :team AND grants.event = due.name)
    ) AS is_granted
    FROM (
        SELECT endpoint, event, name, source, subject, due_at, position FROM deliveries
        WHERE endpoint = :endpoint AND state = 'pending' AND due_at <= now()
        ORDER BY due_at, position LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    CROSS JOIN LATERAL (
        SELECT event FROM deliveries AS earlier
        WHERE earlier.endpoint = due.endpoint AND earlier.state = 'pending'
            AND earlier.source = due.source AND earlier.subject = due.subject
        ORDER BY sequence, position LIMIT 1
    ) AS first
    ORDER BY due.due_at, due.position
""")
# Not before the first of its subject is due, which may be in hours.
_PUT_BEHIND = text("""
    UPDATE deliveries SET is_behind = true, lease = NULL, due_at = greatest(
        now() + make_interval(secs => CAST(:seconds AS float)),
        (
            SELECT due_at FROM deliveries AS earlier
            WHERE earlier.endpoint = deliveries.endpoint AND earlier.state = 'pending'
                AND earlier.source = deliveries.source AND earlier.subject = deliveries.subject
            ORDER BY sequence, position LIMIT 1
        )
    )
    WHERE endpoint = :endpoint AND event = ANY(CAST(:events AS uuid[]))
""")
_LEASE = text("""
    UPDATE deliveries SET lease = CAST(:lease AS uuid), is_behind = false,
        attempts = attempts + 1,
        due_at = now() + make_interval(secs => CAST(:seconds AS float))
    FROM events
    WHERE endpoint = :endpoint AND event = ANY(CAST(:events AS uuid[])) AND events.id = event
    RETURNING event, deliveries.name, attempts, attempts - attempts_before AS tries, expires_at,
        body
""")
_ADD_ATTEMPTS = insert_rows(
    tables.Attempt,
    *("endpoint", "event", "number", "began_at", "milliseconds", "status", "error", "answer"),
    then="ON CONFLICT (endpoint, event, number) DO NOTHING",
)
# What was given up, and is answered well after all, was delivered.
_FINISH = text("""
    UPDATE deliveries SET state = :state, finished_at = clock_timestamp(), due_at = NULL,
        lease = NULL, is_behind = false
    WHERE endpoint = :endpoint AND event = ANY(CAST(:events AS uuid[]))
        AND (state = 'pending' OR (state = 'failed' AND CAST(:state AS text) = 'delivered'))
        AND (CAST(:lease AS uuid) IS NULL OR lease = :lease)
        AND (:lease IS NOT NULL OR CAST(:state AS text) <> 'failed' OR expires_at <= now())
    RETURNING 1
""")
_PROMOTE = text("""
    UPDATE deliveries SET is_behind = false, due_at = now()
    FROM deliveries AS ended CROSS JOIN LATERAL (
        SELECT event FROM deliveries AS later
        WHERE later.endpoint = ended.endpoint AND later.state = 'pending'
            AND later.source = ended.source AND later.subject = ended.subject
        ORDER BY sequence, position LIMIT 1
    ) AS next
    WHERE ended.endpoint = :endpoint AND ended.event = ANY(CAST(:events AS uuid[]))
        AND deliveries.endpoint = ended.endpoint AND deliveries.event = next.event
        AND deliveries.is_behind
""")
_RETRY = text("""
    UPDATE deliveries SET lease = NULL,
        due_at = clock_timestamp() + make_interval(secs => CAST(:seconds AS float))
    WHERE endpoint = :endpoint AND event = :event AND lease = CAST(:lease AS uuid)
        AND state = 'pending'
""")
_OVERDUE = text("""
    SELECT endpoint, event FROM deliveries
    WHERE state = 'pending' AND expires_at BETWEEN '-infinity' AND now()
        AND (lease IS NULL OR due_at <= now())
    ORDER BY expires_at LIMIT :limit
""")
_OF_DELETED = text("""
    SELECT endpoint, event FROM deliveries JOIN endpoints ON endpoints.id = deliveries.endpoint
    WHERE endpoints.deleted_at IS NOT NULL AND deliveries.state = 'pending' LIMIT :limit
""")
