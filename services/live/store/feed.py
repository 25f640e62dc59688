"""What rooms show, numbered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import text

from shared.postgres.database import Transaction

# Room, kind, and what the entry is about: shown once.
EntryKey: TypeAlias = tuple[str, str, UUID]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a room's feed; `shown` is JSON."""

    room: str
    sequence: int
    kind: str
    subject: UUID
    shown: str


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the position it was asked for with."""

    after: int
    entry: Entry


async def shown_before(tx: Transaction, keys: Iterable[EntryKey]) -> set[EntryKey]:
    """Return which entries are in their rooms' feeds already; the rooms are locked."""
    asked = list(keys)
    if not asked:
        return set()
    rows = await tx.execute(
        _SHOWN,
        {
            "rooms": [room for room, _, _ in asked],
            "kinds": [kind for _, kind, _ in asked],
            "subjects": [subject for _, _, subject in asked],
        },
    )
    return {(row.room, row.kind, row.subject) for row in rows}


async def add(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Write entries; the rooms are locked, and their sequences say how far they are."""
    if entries:
        await tx.execute(
            _ADD,
            {
                "rooms": [entry.room for entry in entries],
                "sequences": [entry.sequence for entry in entries],
                "kinds": [entry.kind for entry in entries],
                "subjects": [entry.subject for entry in entries],
                "shown": [entry.shown for entry in entries],
            },
        )


async def position(tx: Transaction, room: str) -> int:
    """Return the number of a room's newest entry."""
    return (await tx.execute(_POSITION, {"room": room})).scalar_one_or_none() or 0


async def after(
    tx: Transaction, positions: Sequence[tuple[str, int]], *, limit: int
) -> list[Found]:
    """Return what came in rooms after positions, in order, at most `limit` a position."""
    parameters: dict[str, Any] = {
        "rooms": [room for room, _ in positions],
        "after": [position for _, position in positions],
        "limit": limit,
    }
    return [
        Found(row.after, Entry(row.room, row.sequence, row.kind, row.subject, row.shown))
        for row in await tx.execute(_AFTER, parameters)
    ]


_SHOWN = text("""
    SELECT feed.room, feed.kind, feed.subject FROM feed
    JOIN unnest(CAST(:rooms AS text[]), CAST(:kinds AS text[]), CAST(:subjects AS uuid[]))
        AS asked (room, kind, subject) USING (room, kind, subject)
""")
_ADD = text("""
    INSERT INTO feed (room, sequence, kind, subject, shown)
    SELECT room, sequence, kind, subject, shown::jsonb
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:sequences AS bigint[]), CAST(:kinds AS text[]),
        CAST(:subjects AS uuid[]), CAST(:shown AS text[])
    ) AS new (room, sequence, kind, subject, shown)
""")
_POSITION = text("SELECT sequence FROM rooms WHERE room = :room")
# A message is as was decided since: the entries stay as they were written.
_AFTER = text("""
    SELECT asked.after, entry.room, entry.sequence, entry.kind, entry.subject,
        CASE WHEN messages.gift IS NULL THEN entry.shown ELSE entry.shown
            || jsonb_build_object('message', messages.message)
            || CASE WHEN entry.kind = 'message' AND messages.message IS NULL
                THEN '{"state": "removed"}'::jsonb ELSE '{}' END
        END::text AS shown
    FROM unnest(CAST(:rooms AS text[]), CAST(:after AS bigint[])) AS asked (room, after)
    CROSS JOIN LATERAL (
        SELECT feed.room, feed.sequence, feed.kind, feed.subject, feed.shown
        FROM feed
        WHERE feed.room = asked.room AND feed.sequence > asked.after
        ORDER BY feed.sequence LIMIT :limit
    ) AS entry
    LEFT JOIN messages ON messages.gift = CASE entry.kind
        WHEN 'gift' THEN entry.subject WHEN 'message' THEN CAST(entry.shown->>'gift' AS uuid)
    END
    ORDER BY entry.room, asked.after, entry.sequence
""")
