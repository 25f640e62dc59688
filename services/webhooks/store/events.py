"""Events that endpoints get, and the deliveries that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.postgres.database import Transaction
from shared.postgres.rows import arrays
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as it came: the attributes that say where it belongs, and the whole document."""

    id: UUID
    name: str
    source: str
    subject: str
    sequence: str
    people: tuple[str, ...]
    occurred_at: datetime
    body: str


async def endpoints_of(tx: Transaction, names: Sequence[str]) -> Mapping[str, list[UUID]]:
    """Return the endpoints that get events now, by the name of the event."""
    found: dict[str, list[UUID]] = {}
    for row in await tx.execute(_ENDPOINTS_OF, {"names": sorted(set(names))}):
        found.setdefault(row.event, []).append(row.id)
    return found


async def add(
    tx: Transaction, events: Sequence[tuple[NewEvent, Sequence[UUID]]], *, lasts: timedelta
) -> int:
    """
    Add events with their deliveries, in this order; return how many deliveries are new.

    An event that is there already stays as it is, and so does each of its deliveries.
    """
    if not events:
        return 0
    # Sorted, because two transactions with the same events would wait for each other.
    known = sorted((event for event, _ in events), key=lambda event: event.id)
    await tx.execute(
        _ADD_EVENTS,
        {
            **arrays(known, "id", "name", "body", "occurred_at"),
            "people": [to_array(event.people) for event in known],
        },
    )
    pairs = [(event, endpoint) for event, endpoints in events for endpoint in endpoints]
    added = await tx.execute(
        _ADD_DELIVERIES,
        {
            "endpoint": [endpoint for _, endpoint in pairs],
            **arrays(
                [event for event, _ in pairs], "name", "source", "subject", "sequence", event="id"
            ),
            "seconds": lasts.total_seconds(),
        },
    )
    return len(added)


def to_array(words: Sequence[str]) -> str:
    """Write texts as an array of PostgreSQL, for a column of arrays."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in escaped) + "}"


async def delete_old(tx: Transaction, *, kept: timedelta, limit: int) -> int:
    """Delete old events with their deliveries and attempts; none that is still to be sent."""
    asked = {"seconds": kept.total_seconds(), "limit": limit}
    ids = [row.id for row in await tx.execute(_OLD, asked)]
    if ids:
        await tx.execute(_DELETE_DELIVERIES, {"ids": ids})
        await tx.execute(_DELETE_EVENTS, {"ids": ids})
    return len(ids)


_ENDPOINTS_OF = text("""
    SELECT grants.event, endpoints.id FROM endpoints
    JOIN grants ON grants.team = endpoints.team AND grants.event = ANY(endpoints.events)
    WHERE endpoints.deleted_at IS NULL AND endpoints.disabled IS NULL
        AND grants.event = ANY(CAST(:names AS text[]))
    ORDER BY grants.event, endpoints.id
""")
_ADD_EVENTS = text("""
    INSERT INTO events (id, name, people, body, occurred_at)
    SELECT id, name, CAST(people AS text[]), body, occurred_at
    FROM unnest(CAST(:id AS uuid[]), CAST(:name AS text[]), CAST(:people AS text[]),
        CAST(:body AS text[]), CAST(:occurred_at AS timestamptz[]))
        AS new (id, name, people, body, occurred_at)
    ON CONFLICT (id) DO NOTHING
""")
_ADD_DELIVERIES = text("""
    INSERT INTO deliveries
        (endpoint, event, name, source, subject, sequence, due_at, expires_at)
    SELECT endpoint, event, name, source, subject, sequence, now(),
        now() + make_interval(secs => CAST(:seconds AS float))
    FROM unnest(CAST(:endpoint AS uuid[]), CAST(:event AS uuid[]), CAST(:name AS text[]),
        CAST(:source AS text[]), CAST(:subject AS text[]), CAST(:sequence AS text[]))
        WITH ORDINALITY AS new (endpoint, event, name, source, subject, sequence, place)
    ORDER BY place
    ON CONFLICT (endpoint, event) DO NOTHING
    RETURNING 1
""")
_OLD = text("""
    SELECT id FROM events
    WHERE received_at
            BETWEEN '-infinity' AND now() - make_interval(secs => CAST(:seconds AS float))
        AND NOT EXISTS (
            SELECT FROM deliveries WHERE event = events.id AND state = 'pending'
        )
    ORDER BY received_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_DELETE_DELIVERIES = text("DELETE FROM deliveries WHERE event = ANY(CAST(:ids AS uuid[]))")
_DELETE_EVENTS = text("DELETE FROM events WHERE id = ANY(CAST(:ids AS uuid[]))")
