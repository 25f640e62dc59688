"""Rooms, as live tells of them."""

from collections.abc import Collection, Sequence

from pydantic_core import to_json
from sqlalchemy import text

from services.gift.domain.rooms import Room
from shared.postgres.database import Row, Transaction


async def lock(tx: Transaction, rooms: Collection[str]) -> dict[str, Room]:
    """Read rooms and keep them still, locked in sorted order, those not heard of yet as well."""
    asked = {"rooms": sorted(rooms)}
    await tx.execute(_KEEP_STILL, asked)
    return {row.room: _room(row) for row in await tx.execute(_READ, asked)}


async def save(tx: Transaction, rooms: Sequence[Room]) -> None:
    """Write what is so of rooms; they are locked."""
    told = [
        {
            "room": room.room,
            "revision": room.revision,
            "creator": room.creator,
            "guests": room.guests,
            "stream": room.stream,
            "is_open": room.is_open,
            "opened_at": room.opened_at,
        }
        for room in rooms
    ]
    await tx.execute(_SAVE, {"rooms": to_json(told).decode()})


async def find(tx: Transaction, room: str) -> Room | None:
    row = (await tx.execute(_READ, {"rooms": [room]})).first()
    return _room(row) if row else None


def _room(row: Row) -> Room:
    return Room(
        room=row.room,
        creator=row.creator,
        guests=tuple(row.guests),
        stream=row.stream,
        is_open=row.is_open,
        opened_at=row.opened_at,
        revision=row.revision,
    )


# What `read_admissions` waits for as well.
_KEEP_STILL = text("""
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended('room:' || room, 0) AS key
        FROM unnest(CAST(:rooms AS text[])) AS asked (room) ORDER BY key
    ) AS place
""")
_READ = text("""
    SELECT room, creator, guests, stream, is_open, opened_at, revision FROM rooms
    WHERE room = ANY(CAST(:rooms AS text[]))
""")
_SAVE = text("""
    INSERT INTO rooms (room, revision, creator, guests, stream, is_open, opened_at)
    SELECT room, revision, creator, ARRAY(SELECT jsonb_array_elements_text(guests)), stream,
           is_open, opened_at
    FROM jsonb_to_recordset(CAST(CAST(:rooms AS text) AS jsonb)) AS told (
        room text, revision bigint, creator text, guests jsonb, stream uuid, is_open boolean,
        opened_at timestamptz
    )
    ON CONFLICT (room) DO UPDATE
    SET revision = excluded.revision, creator = excluded.creator, guests = excluded.guests,
        stream = excluded.stream, is_open = excluded.is_open, opened_at = excluded.opened_at
""")
