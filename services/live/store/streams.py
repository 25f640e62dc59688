"""Stream sessions, and what was given to them."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from services.live import columns as tables
from services.live.domain.streams import Stream
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class StreamTotals(Stream):
    """A stream, the guests of its room, and what was given to it so far."""

    guests: tuple[str, ...] = ()
    gifts: int = 0
    coins: int = 0
    gifters: int = 0


_stream = RowMapper(Stream, tables.Stream)
_totals = RowMapper(StreamTotals)
_SELECT = f"SELECT {_stream.columns} FROM streams"
_WITH_TOTALS = f"""
    SELECT {_stream.columns}, room_owners.guests, coalesce(totals.gifts, 0) AS gifts,
        coalesce(totals.coins, 0) AS coins, coalesce(totals.gifters, 0) AS gifters
    FROM streams
    JOIN room_owners ON room_owners.room = streams.room
    LEFT JOIN totals ON totals.room = streams.room
        AND totals.period = 'stream:' || streams.stream::text
"""


async def insert_stream(tx: Transaction, stream: Stream) -> None:
    """Write a stream that begins; its room's ownership is locked."""
    await tx.execute(_COUNT_OPENING, {"room": stream.room, "number": stream.number})
    await tx.execute(_INSERT, asdict(stream))


_COUNT_OPENING = text("UPDATE room_owners SET openings = :number WHERE room = :room")
_INSERT = text("""
    INSERT INTO streams (stream, room, number, creator, title, opened_at)
    VALUES (:stream, :room, :number, :creator, :title, :opened_at)
""")


async def set_title(tx: Transaction, stream: UUID, title: str | None) -> None:
    await tx.execute(_SET_TITLE, {"stream": stream, "title": title})


_SET_TITLE = text("UPDATE streams SET title = :title WHERE stream = :stream")


async def close_stream(tx: Transaction, stream: UUID, at: datetime) -> None:
    await tx.execute(_CLOSE, {"stream": stream, "at": at})


_CLOSE = text("UPDATE streams SET closed_at = :at WHERE stream = :stream")


async def find_open_stream(tx: Transaction, room: str) -> Stream | None:
    row = (await tx.execute(_FIND_OPEN, {"room": room})).first()
    return _stream(row) if row else None


_FIND_OPEN = text(f"{_SELECT} WHERE room = :room AND closed_at IS NULL")


async def find_last_closing(tx: Transaction, room: str) -> datetime | None:
    """Return when a room's last stream ended, if it had one that did."""
    moment: datetime | None = (
        await tx.execute(_FIND_LAST_CLOSING, {"room": room})
    ).scalar_one_or_none()
    return moment


_FIND_LAST_CLOSING = text("""
    SELECT closed_at FROM streams WHERE room = :room AND closed_at IS NOT NULL
    ORDER BY number DESC LIMIT 1
""")


async def find_stream(tx: Transaction, room: str, stream: UUID) -> Stream | None:
    row = (await tx.execute(_FIND, {"room": room, "stream": stream})).first()
    return _stream(row) if row else None


_FIND = text(f"{_SELECT} WHERE room = :room AND stream = :stream")


async def list_streams(
    tx: Transaction, room: str, *, before: int | None, limit: int
) -> list[StreamTotals]:
    """Return a room's streams with what was given to them, the newest first."""
    rows = await tx.execute(_LIST, {"room": room, "before": before, "limit": limit})
    return [_totals(row) for row in rows]


_LIST = text(f"""
    {_WITH_TOTALS}
    WHERE streams.room = :room
      AND (CAST(:before AS bigint) IS NULL OR streams.number < CAST(:before AS bigint))
    ORDER BY streams.number DESC LIMIT :limit
""")


async def list_open_streams(
    tx: Transaction, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[StreamTotals]:
    """Return the open streams of all rooms, the newest first."""
    at, stream = before or (None, None)
    rows = await tx.execute(_LIST_OPEN, {"at": at, "stream": stream, "limit": limit})
    return [_totals(row) for row in rows]


_LIST_OPEN = text(f"""
    {_WITH_TOTALS}
    WHERE streams.closed_at IS NULL AND (
        CAST(:at AS timestamptz) IS NULL OR (streams.opened_at, streams.stream)
            < (CAST(:at AS timestamptz), CAST(:stream AS uuid))
    )
    ORDER BY streams.opened_at DESC, streams.stream DESC LIMIT :limit
""")


async def list_streams_of(
    tx: Transaction, creator: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[StreamTotals]:
    """Return a creator's streams in all rooms with what was given to them, the newest first."""
    at, stream = before or (None, None)
    values = {"creator": creator, "at": at, "stream": stream, "limit": limit}
    return [_totals(row) for row in await tx.execute(_LIST_OF, values)]


_LIST_OF = text(f"""
    {_WITH_TOTALS}
    WHERE streams.creator = :creator AND (
        CAST(:at AS timestamptz) IS NULL OR (streams.opened_at, streams.stream)
            < (CAST(:at AS timestamptz), CAST(:stream AS uuid))
    )
    ORDER BY streams.opened_at DESC, streams.stream DESC LIMIT :limit
""")


async def list_open_streams_of(tx: Transaction, creator: str) -> list[Stream]:
    """Return the streams of a creator that go on, the newest first."""
    return [_stream(row) for row in await tx.execute(_LIST_OPEN_OF, {"creator": creator})]


_LIST_OPEN_OF = text(
    f"{_SELECT} WHERE creator = :creator AND closed_at IS NULL ORDER BY opened_at DESC, stream"
)


async def list_unpublished(tx: Transaction, *, limit: int) -> list[Stream]:
    """Lock rooms whose changes were never published, and return their open streams."""
    return [_stream(row) for row in await tx.execute(_LIST_UNPUBLISHED, {"limit": limit})]


_LIST_UNPUBLISHED = text(f"""
    {_SELECT} JOIN room_owners USING (room)
    WHERE streams.closed_at IS NULL AND room_owners.revision = 0
    ORDER BY room LIMIT :limit FOR UPDATE OF room_owners SKIP LOCKED
""")
