"""Rooms that creators open, and their streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.live.domain.rooms import Stage, Stream
from services.live.store.standing import Total
from shared.postgres.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Live:
    """A room that is live: its stream, its guests, and what was given to the stream so far."""

    stream: Stream
    guests: tuple[str, ...]
    total: Total


async def find(tx: Transaction, room: str) -> Stage | None:
    row = (await tx.execute(_FIND, {"room": room})).first()
    return _stage(row) if row else None


async def claim(tx: Transaction, room: str, creator: str, at: datetime) -> tuple[Stage, bool]:
    """
    Return a room's stage, the creator's own from then on if it was nobody's; it is locked.

    And whether it was nobody's.
    """
    claimed = await tx.execute(_CLAIM, {"room": room, "creator": creator, "at": at})
    return _stage((await tx.execute(_LOCK, {"room": room})).one()), bool(claimed)


async def count_rooms(tx: Transaction, creator: str) -> tuple[int, int]:
    """Return how many rooms a creator is live in, and how many they own."""
    live, owned = (await tx.execute(_COUNT_ROOMS, {"creator": creator})).one()
    return live, owned


async def set_owner(tx: Transaction, room: str, creator: str | None, at: datetime) -> None:
    """Give a room to somebody, or to nobody; its stage is locked, if it has one."""
    await tx.execute(_END_STAYS, {"room": room, "at": at})
    await tx.execute(_SET_OWNER, {"room": room, "creator": creator, "at": at})


async def count_change(tx: Transaction, room: str) -> int:
    """Count a change of a room whose stage is locked; return how many there were."""
    return int((await tx.execute(_COUNT_CHANGE, {"room": room})).scalar_one())


async def untold(tx: Transaction, *, limit: int) -> list[Stream]:
    """Return open streams of rooms whose changes were never announced, their stages locked."""
    return [_stream(row) for row in await tx.execute(_UNTOLD, {"limit": limit})]


async def lock(tx: Transaction, room: str) -> Stage | None:
    row = (await tx.execute(_LOCK, {"room": room})).first()
    return _stage(row) if row else None


async def open_stream(tx: Transaction, stream: Stream) -> None:
    """Write a stream that begins; its stage is locked."""
    asked = {
        "stream": stream.stream,
        "room": stream.room,
        "number": stream.number,
        "creator": stream.creator,
        "title": stream.title,
        "opened_at": stream.opened_at,
    }
    await tx.execute(_COUNT_OPENING, {"room": stream.room, "number": stream.number})
    await tx.execute(_OPEN, asked)


async def retitle(tx: Transaction, stream: UUID, title: str | None) -> None:
    await tx.execute(_RETITLE, {"stream": stream, "title": title})


async def close_stream(tx: Transaction, stream: UUID, at: datetime) -> None:
    await tx.execute(_CLOSE, {"stream": stream, "at": at})


async def set_guests(
    tx: Transaction, room: str, guests: list[str], *, joined: str | None = None, at: datetime
) -> None:
    """Write who is a guest, and since when or until when whoever that changes was one."""
    await tx.execute(_SET_GUESTS, {"room": room, "guests": guests})
    if joined is not None:
        await tx.execute(_JOIN, {"room": room, "guest": joined, "at": at})
    else:
        await tx.execute(_LEAVE, {"room": room, "guests": guests, "at": at})


async def belonging(tx: Transaction, gifts: Sequence[tuple[str, str, datetime]]) -> list[bool]:
    """
    Return of each (room, creator, moment) whether the creator was in the room then.

    They were if they owned the room or were a guest in it. A room that nobody owned then is
    everybody's: no ranking there is of anybody in particular.
    """
    rows = await tx.execute(
        _BELONGING,
        {
            "rooms": [room for room, _, _ in gifts],
            "creators": [creator for _, creator, _ in gifts],
            "moments": [moment for _, _, moment in gifts],
        },
    )
    return [row.belongs for row in rows]


async def current(tx: Transaction, room: str) -> Stream | None:
    """Return the stream that is open in a room."""
    row = (await tx.execute(_CURRENT, {"room": room})).first()
    return _stream(row) if row else None


async def last_closed_at(tx: Transaction, room: str) -> datetime | None:
    """Return when a room's last stream ended, if it had one that did."""
    moment: datetime | None = (await tx.execute(_LAST_CLOSED, {"room": room})).scalar_one_or_none()
    return moment


async def stream(tx: Transaction, room: str, identifier: UUID) -> Stream | None:
    row = (await tx.execute(_STREAM, {"room": room, "stream": identifier})).first()
    return _stream(row) if row else None


async def streams(tx: Transaction, room: str, *, before: int | None, limit: int) -> list[Live]:
    """Return a room's streams with what was given to them, the newest first."""
    rows = await tx.execute(_STREAMS, {"room": room, "before": before, "limit": limit})
    return [_live(row) for row in rows]


async def live(tx: Transaction, *, before: tuple[datetime, UUID] | None, limit: int) -> list[Live]:
    """Return the rooms that are live, those opened last first."""
    at, identifier = before or (None, None)
    rows = await tx.execute(_LIVE, {"at": at, "stream": identifier, "limit": limit})
    return [_live(row) for row in rows]


def _stage(row: Row) -> Stage:
    return Stage(row.room, row.creator, tuple(row.guests), row.openings, row.revision)


def _stream(row: Row) -> Stream:
    return Stream(
        stream=row.stream,
        room=row.room,
        number=row.number,
        creator=row.creator,
        title=row.title,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )


def _live(row: Row) -> Live:
    total = Total(row.gifts, row.coins, row.gifters)
    return Live(_stream(row), tuple(row.guests), total)


_STAGE = "room, creator, guests, openings, revision"
_FIND = text(f"SELECT {_STAGE} FROM stages WHERE room = :room")  # noqa: S608 - our own text only
_CLAIM = text("""
    INSERT INTO stages (room, creator, owned_since)
    VALUES (:room, :creator, CAST(:at AS timestamptz))
    ON CONFLICT (room) DO UPDATE
    SET creator = excluded.creator, owned_since = excluded.owned_since
    WHERE stages.creator IS NULL
    RETURNING room
""")
_COUNT_ROOMS = text("""
    SELECT (SELECT count(*) FROM streams WHERE creator = :creator AND closed_at IS NULL),
        (SELECT count(*) FROM stages WHERE creator = :creator)
""")
# Guests were the guests of whose room it was.
_SET_OWNER = text("""
    INSERT INTO stages (room, creator, owned_since)
    VALUES (:room, :creator, CAST(:at AS timestamptz))
    ON CONFLICT (room) DO UPDATE
    SET creator = excluded.creator, owned_since = excluded.owned_since, guests = '{}',
        revision = stages.revision + 1
""")
_END_STAYS = text("""
    UPDATE guest_stays SET left_at = greatest(:at, joined_at + interval '1 microsecond')
    WHERE room = :room AND left_at IS NULL
""")
_LOCK = text(
    f"SELECT {_STAGE} FROM stages WHERE room = :room FOR UPDATE"  # noqa: S608 - our own text only
)
_COUNT_CHANGE = text(
    "UPDATE stages SET revision = revision + 1 WHERE room = :room RETURNING revision"
)
_COUNT_OPENING = text("UPDATE stages SET openings = :number WHERE room = :room")
_OPEN = text("""
    INSERT INTO streams (stream, room, number, creator, title, opened_at)
    VALUES (:stream, :room, :number, :creator, :title, :opened_at)
""")
_RETITLE = text("UPDATE streams SET title = :title WHERE stream = :stream")
_CLOSE = text("UPDATE streams SET closed_at = :at WHERE stream = :stream")
_SET_GUESTS = text("UPDATE stages SET guests = CAST(:guests AS text[]) WHERE room = :room")
_JOIN = text("""
    INSERT INTO guest_stays (room, guest, joined_at) VALUES (:room, :guest, :at)
    ON CONFLICT DO NOTHING
""")
_LEAVE = text("""
    UPDATE guest_stays SET left_at = greatest(:at, joined_at + interval '1 microsecond')
    WHERE room = :room AND left_at IS NULL AND NOT guest = ANY(CAST(:guests AS text[]))
""")
_COLUMNS = """
    streams.stream, streams.room, streams.number, streams.creator, streams.title,
    streams.opened_at, streams.closed_at
"""
_CURRENT = text(
    f"SELECT {_COLUMNS} FROM streams WHERE room = :room AND closed_at IS NULL"  # noqa: S608
)
_LAST_CLOSED = text("""
    SELECT closed_at FROM streams WHERE room = :room AND closed_at IS NOT NULL
    ORDER BY number DESC LIMIT 1
""")
_STREAM = text(
    f"SELECT {_COLUMNS} FROM streams WHERE room = :room AND stream = :stream"  # noqa: S608
)
_WITH_TOTALS = f"""
    SELECT {_COLUMNS}, stages.guests, coalesce(totals.gifts, 0) AS gifts,
        coalesce(totals.coins, 0) AS coins, coalesce(totals.gifters, 0) AS gifters
    FROM streams
    JOIN stages ON stages.room = streams.room
    LEFT JOIN totals ON totals.room = streams.room
        AND totals.period = 'stream:' || streams.stream::text
"""  # noqa: S608 - our own text only
_STREAMS = text(f"""
    {_WITH_TOTALS}
    WHERE streams.room = :room
      AND (CAST(:before AS bigint) IS NULL OR streams.number < CAST(:before AS bigint))
    ORDER BY streams.number DESC LIMIT :limit
""")
_LIVE = text(f"""
    {_WITH_TOTALS}
    WHERE streams.closed_at IS NULL AND (
        CAST(:at AS timestamptz) IS NULL OR (streams.opened_at, streams.stream)
            < (CAST(:at AS timestamptz), CAST(:stream AS uuid))
    )
    ORDER BY streams.opened_at DESC, streams.stream DESC LIMIT :limit
""")
_UNTOLD = text(
    f"SELECT {_COLUMNS} FROM streams JOIN stages USING (room)"  # noqa: S608 - our own text only
    " WHERE streams.closed_at IS NULL AND stages.revision = 0"
    " ORDER BY room LIMIT :limit FOR UPDATE OF stages SKIP LOCKED"
)
# Whose room it was: of whoever opened the last stream until then, or of whoever was given the
# room since; what an operator gave to nobody is nobody's.
_BELONGING = text("""
    SELECT owner.creator IS NULL OR owner.creator = asked.creator
        OR EXISTS (
            SELECT FROM guest_stays AS stays
            WHERE stays.room = asked.room AND stays.guest = asked.creator
              AND stays.joined_at <= asked.moment
              AND (stays.left_at IS NULL OR stays.left_at > asked.moment)
        )
        OR asked.creator = ANY(coalesce(stages.guests, '{}')) AND NOT EXISTS (
            SELECT FROM guest_stays AS stays
            WHERE stays.room = asked.room AND stays.guest = asked.creator
        ) AS belongs
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:creators AS text[]), CAST(:moments AS timestamptz[])
    ) WITH ORDINALITY AS asked (room, creator, moment, place)
    LEFT JOIN stages ON stages.room = asked.room
    LEFT JOIN LATERAL (
        SELECT streams.creator, streams.opened_at FROM streams
        WHERE streams.room = asked.room AND streams.opened_at <= asked.moment
        ORDER BY streams.number DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT CASE
            WHEN last.opened_at IS NULL AND stages.owned_since IS NULL
                OR stages.owned_since <= asked.moment
                    AND (last.opened_at IS NULL OR stages.owned_since >= last.opened_at)
                THEN stages.creator
            ELSE last.creator
        END AS creator
    ) AS owner ON true
    ORDER BY asked.place
""")
