"""Rooms, as live tells of them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from pydantic_core import to_json

from services.gift import columns as tables
from services.gift.domain.rooms import Room
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


async def lock(tx: Transaction, rooms: Collection[str]) -> dict[str, Room]:
    """Read rooms and keep them still, locked in sorted order, unknown ones as well."""
    asked = {"rooms": sorted(rooms)}
    await tx.execute(_KEEP_STILL, asked)
    return {row.room: _room(row) for row in await tx.execute(_READ, asked)}


async def save(tx: Transaction, rooms: Sequence[Room]) -> None:
    """Write what is so of rooms; they are locked."""
    written = to_json([asdict(room) for room in rooms]).decode()
    await tx.execute(_SAVE, {"rooms": written})


async def find(tx: Transaction, room: str) -> Room | None:
    row = (await tx.execute(_READ, {"rooms": [room]})).first()
    return _room(row) if row else None


_room = RowMapper(Room, tables.Room)
# What `read_admissions` waits for as well.
_KEEP_STILL = text("""
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended('room:' || room, 0) AS key
        FROM unnest(CAST(:rooms AS text[])) AS asked (room) ORDER BY key
    ) AS place
""")
_READ = text(
    f"SELECT {_room.columns} FROM rooms WHERE room = ANY(CAST(:rooms AS text[]))"  # noqa: S608
)
_SAVE = text("""
    INSERT INTO rooms (room, revision, creator, guests, stream, is_open, opened_at)
    SELECT room, revision, creator, ARRAY(SELECT jsonb_array_elements_text(guests)), stream,
           is_open, opened_at
    FROM jsonb_to_recordset(CAST(CAST(:rooms AS text) AS jsonb)) AS new (
        room text, revision bigint, creator text, guests jsonb, stream uuid, is_open boolean,
        opened_at timestamptz
    )
    ON CONFLICT (room) DO UPDATE
    SET revision = excluded.revision, creator = excluded.creator, guests = excluded.guests,
        stream = excluded.stream, is_open = excluded.is_open, opened_at = excluded.opened_at
""")
