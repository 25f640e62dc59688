"""The feeds of rooms: entries, numbered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from services.live import columns as tables
from services.live.domain.gift_totals import RoomTotals
from services.live.domain.goals import Goal
from services.live.domain.levels import Gifter
from services.live.store.goals import PROGRESS
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, prefixed, unnest, update_rows
from shared.postgres.statements import text

# Room, kind, and what the entry is about: shown once.
EntryKey: TypeAlias = tuple[str, str, UUID]
# What is woken when a feed has new entries.
FEED_TOPIC = "feed"
# A room, and the number of the entry after which to read.
Position: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a room's feed; `shown` is JSON."""

    room: str
    sequence: int
    kind: str
    subject: UUID
    shown: str


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry, and the position it was asked for with."""

    after: int
    entry: Entry


_entry = RowMapper(Entry)


async def save_feed(
    tx: Transaction,
    rooms: Iterable[RoomTotals],
    entries: Sequence[Entry],
    levels: Sequence[Gifter] = (),
    goals: Sequence[Goal] = (),
) -> None:
    """Write rooms' totals and what their feeds show, levels, and progress; all rows are locked."""
    if entries:
        tx.wake(FEED_TOPIC)
    await tx.execute(
        _SAVE,
        {
            **prefixed("total", arrays(rooms, "room", *_ROOM_TOTALS)),
            **prefixed("entry", arrays(entries, "room", "sequence", "kind", "subject", "shown")),
            **arrays(levels, *_LEVEL),
            **prefixed("goal", arrays(goals, "goal", *PROGRESS)),
        },
    )


_LEVEL = ("viewer", "level", "revision")
_ROOM_TOTALS = ("sequence", "gifts", "coins", "last_sent_at")
# A conflict finds each room by its key, on all statistics. JSON goes as text:
# in an array of JSON it would be quoted once more.
_SAVE = text(f"""
    WITH totalled AS (
        INSERT INTO rooms (room, sequence, gifts, coins, last_sent_at)
        SELECT * FROM {unnest(tables.Room, "room", *_ROOM_TOTALS, prefix="total")}
        ON CONFLICT (room) DO UPDATE
        SET sequence = excluded.sequence, gifts = excluded.gifts, coins = excluded.coins,
            last_sent_at = excluded.last_sent_at
    ), levelled AS (
        {update_rows(tables.Gifter, ("viewer",), _LEVEL[1:]).text}
    ), advanced AS (
        {update_rows(tables.Goal, ("goal",), PROGRESS, prefix="goal").text}
    )
    INSERT INTO feed (room, sequence, kind, subject, shown)
    SELECT room, sequence, kind, subject, shown::json
    FROM unnest(
        CAST(:entry_room AS text[]), CAST(:entry_sequence AS bigint[]),
        CAST(:entry_kind AS text[]), CAST(:entry_subject AS uuid[]), CAST(:entry_shown AS text[])
    ) AS new (room, sequence, kind, subject, shown)
""")


async def read_newest_sequence(tx: Transaction, room: str) -> int:
    """Return the number of a room's newest entry."""
    return (await tx.execute(_READ_NEWEST, {"room": room})).scalar_one_or_none() or 0


_READ_NEWEST = text("SELECT sequence FROM rooms WHERE room = :room")


async def read_entries(
    tx: Transaction, positions: Sequence[Position], *, limit: int
) -> list[FoundEntry]:
    """Return what came in rooms after positions, in order, at most `limit` a position."""
    asked = {
        "rooms": [room for room, _ in positions],
        "after": [sequence for _, sequence in positions],
        "limit": limit,
    }
    return [FoundEntry(row.after, _entry(row)) for row in await tx.execute(_READ, asked)]


# A message is shown as it was decided since: the entries stay as they were written.
_READ = text("""
    SELECT asked.after, entry.room, entry.sequence, entry.kind, entry.subject,
        CASE WHEN messages.gift IS NULL THEN entry.shown::text ELSE (entry.shown::jsonb
            || jsonb_build_object('message', messages.message)
            || CASE WHEN entry.kind = 'message' AND messages.message IS NULL
                THEN '{"state": "removed"}'::jsonb ELSE '{}' END)::text
        END AS shown
    FROM unnest(CAST(:rooms AS text[]), CAST(:after AS bigint[])) AS asked (room, after)
    CROSS JOIN LATERAL (
        SELECT feed.room, feed.sequence, feed.kind, feed.subject, feed.shown
        FROM feed
        WHERE feed.room = asked.room AND feed.sequence > asked.after
        ORDER BY feed.sequence LIMIT :limit
    ) AS entry
    LEFT JOIN LATERAL (
        SELECT * FROM messages WHERE messages.gift = CASE entry.kind
            WHEN 'gift' THEN entry.subject WHEN 'message' THEN CAST(entry.shown->>'gift' AS uuid)
        END OFFSET 0
    ) AS messages ON true
    ORDER BY entry.room, asked.after, entry.sequence
""")
