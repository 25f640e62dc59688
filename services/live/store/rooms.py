"""Rooms: their owners and their guests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.live import columns as tables
from services.live.domain.rooms import Ownership
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Books:
    """How many gifts were counted in how many rooms, and their coins."""

    rooms: int
    gifts: int
    coins: int


@dataclass(frozen=True, slots=True)
class OwnedRoom:
    """A room of a creator, since when it is theirs, and whether it is live."""

    room: str
    owned_since: datetime | None
    live: bool


_ownership = RowMapper(Ownership, tables.RoomOwner)
_books = RowMapper(Books)
_SELECT = f"SELECT {_ownership.columns} FROM room_owners WHERE room = :room"


async def find_ownership(tx: Transaction, room: str) -> Ownership | None:
    row = (await tx.execute(_FIND, {"room": room})).first()
    return _ownership(row) if row else None


_FIND = text(_SELECT)


async def lock_ownership(tx: Transaction, room: str) -> Ownership | None:
    row = (await tx.execute(_LOCK, {"room": room})).first()
    return _ownership(row) if row else None


_LOCK = text(f"{_SELECT} FOR UPDATE")


async def claim_room(
    tx: Transaction, room: str, creator: str, at: datetime
) -> tuple[Ownership, bool]:
    """Give a room without an owner to a creator; lock and return it, and whether it had none."""
    claimed = await tx.execute(_CLAIM, {"room": room, "creator": creator, "at": at})
    return _ownership((await tx.execute(_LOCK, {"room": room})).one()), bool(claimed)


_CLAIM = text("""
    INSERT INTO room_owners (room, creator, owned_since)
    VALUES (:room, :creator, CAST(:at AS timestamptz))
    ON CONFLICT (room) DO UPDATE
    SET creator = excluded.creator, owned_since = excluded.owned_since
    WHERE room_owners.creator IS NULL
    RETURNING room
""")


async def count_rooms(tx: Transaction, creator: str) -> tuple[int, int]:
    """Return how many rooms a creator is live in, and how many they own."""
    live, owned = (await tx.execute(_COUNT, {"creator": creator})).one()
    return live, owned


_COUNT = text("""
    SELECT (SELECT count(*) FROM streams WHERE creator = :creator AND closed_at IS NULL),
        (SELECT count(*) FROM room_owners WHERE creator = :creator)
""")


async def list_owned(tx: Transaction, creator: str, limit: int) -> list[OwnedRoom]:
    """Return the rooms that a creator owns, by name."""
    rows = await tx.execute(_LIST_OWNED, {"creator": creator, "limit": limit})
    return [_owned(row) for row in rows]


_owned = RowMapper(OwnedRoom)
_LIST_OWNED = text("""
    SELECT room, owned_since, room = ANY(ARRAY(
        SELECT room FROM streams WHERE creator = :creator AND closed_at IS NULL
    )) AS live
    FROM room_owners WHERE creator = :creator ORDER BY room LIMIT :limit
""")


async def set_owner(tx: Transaction, room: str, creator: str | None, at: datetime) -> None:
    """Give a room to a creator, or release it; its ownership is locked, if there is one."""
    await tx.execute(_END_STAYS, {"room": room, "at": at})
    await tx.execute(_SET_OWNER, {"room": room, "creator": creator, "at": at})


# The guests were those of the owner before.
_SET_OWNER = text("""
    INSERT INTO room_owners (room, creator, owned_since)
    VALUES (:room, :creator, CAST(:at AS timestamptz))
    ON CONFLICT (room) DO UPDATE
    SET creator = excluded.creator, owned_since = excluded.owned_since, guests = '{}',
        revision = room_owners.revision + 1
""")
_END_STAYS = text("""
    UPDATE guest_stays SET left_at = greatest(:at, joined_at + interval '1 microsecond')
    WHERE room = :room AND left_at IS NULL
""")


async def count_change(tx: Transaction, room: str) -> int:
    """Count a change of a room whose ownership is locked; return its new revision."""
    return int((await tx.execute(_COUNT_CHANGE, {"room": room})).scalar_one())


_COUNT_CHANGE = text(
    "UPDATE room_owners SET revision = revision + 1 WHERE room = :room RETURNING revision"
)


async def save_guests(
    tx: Transaction, room: str, guests: list[str], *, joined: str | None = None, at: datetime
) -> None:
    """Write the guests of a room, and the beginning or the end of one guest's stay."""
    await tx.execute(_SAVE_GUESTS, {"room": room, "guests": guests})
    if joined is not None:
        await tx.execute(_JOIN, {"room": room, "guest": joined, "at": at})
    else:
        await tx.execute(_LEAVE, {"room": room, "guests": guests, "at": at})


_SAVE_GUESTS = text("UPDATE room_owners SET guests = CAST(:guests AS text[]) WHERE room = :room")
_JOIN = text("""
    INSERT INTO guest_stays (room, guest, joined_at) VALUES (:room, :guest, :at)
    ON CONFLICT DO NOTHING
""")
_LEAVE = text("""
    UPDATE guest_stays SET left_at = greatest(:at, joined_at + interval '1 microsecond')
    WHERE room = :room AND left_at IS NULL AND NOT guest = ANY(CAST(:guests AS text[]))
""")


async def were_in_room(tx: Transaction, gifts: Sequence[tuple[str, str, datetime]]) -> list[bool]:
    """
    Return of each (room, creator, moment) whether the creator was in the room then.

    They were if they owned the room or were a guest in it. In a room without an owner every creator
    is: its leaderboard belongs to no creator.
    """
    columns = {
        "rooms": [room for room, _, _ in gifts],
        "creators": [creator for _, creator, _ in gifts],
        "moments": [moment for _, _, moment in gifts],
    }
    return [row.belongs for row in await tx.execute(_WERE_IN_ROOM, columns)]


# The owner at a moment is the creator of the last stream until then, or the one who was given the
# room since. A room that an operator released has none.
_WERE_IN_ROOM = text("""
    SELECT owner.creator IS NULL OR owner.creator = asked.creator
        OR EXISTS (
            SELECT FROM guest_stays AS stays
            WHERE stays.room = asked.room AND stays.guest = asked.creator
              AND stays.joined_at <= asked.moment
              AND (stays.left_at IS NULL OR stays.left_at > asked.moment)
        )
        OR asked.creator = ANY(coalesce(room_owners.guests, '{}')) AND NOT EXISTS (
            SELECT FROM guest_stays AS stays
            WHERE stays.room = asked.room AND stays.guest = asked.creator
        ) AS belongs
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:creators AS text[]), CAST(:moments AS timestamptz[])
    ) WITH ORDINALITY AS asked (room, creator, moment, position)
    LEFT JOIN room_owners ON room_owners.room = asked.room
    LEFT JOIN LATERAL (
        SELECT streams.creator, streams.opened_at FROM streams
        WHERE streams.room = asked.room AND streams.opened_at <= asked.moment
        ORDER BY streams.number DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT CASE
            WHEN last.opened_at IS NULL AND room_owners.owned_since IS NULL
                OR room_owners.owned_since <= asked.moment
                    AND (last.opened_at IS NULL OR room_owners.owned_since >= last.opened_at)
                THEN room_owners.creator
            ELSE last.creator
        END AS creator
    ) AS owner ON true
    ORDER BY asked.position
""")


async def read_books(tx: Transaction) -> Books:
    """Return the sums over all rooms."""
    return _books((await tx.execute(_READ_BOOKS)).one())


_READ_BOOKS = text("""
    SELECT count(*) FILTER (WHERE gifts > 0) AS rooms,
        coalesce(sum(gifts), 0)::bigint AS gifts, coalesce(sum(coins), 0)::bigint AS coins
    FROM rooms
""")
