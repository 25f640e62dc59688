"""Creators open and close streams in their rooms."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from uuid import uuid5

from services.live.commands.feed import FeedWriter, Show
from services.live.domain.feed import EntryKind
from services.live.domain.gift_totals import MOMENT, RoomTotals, stream_of
from services.live.domain.quotas import (
    ROOM_CLAIMS,
    STREAMS,
    RoomLimits,
    TooManyOpenRooms,
    TooManyRooms,
)
from services.live.domain.rooms import require_owner
from services.live.domain.streams import NotLive, Stream
from services.live.store import rooms as room_store
from services.live.store import streams as store
from services.live.store.gift_totals import lock_rooms
from services.live.store.leaderboards import read_total
from services.live.store.streams import StreamTotals
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.live import RoomClosed, RoomOpened
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

REPUBLISHED_AT_A_TIME = 100
# No request causes what is published again after an upgrade.
UPGRADE = Cause("upgrade")


async def open_stream(
    tx: Transaction,
    room: str,
    creator: str,
    title: str | None,
    *,
    limits: RoomLimits,
    cause: Cause,
    show: Show,
) -> Stream:
    """Go live in one's own room or in one without an owner; again, it changes the title."""
    rooms = await lock_rooms(tx, [room])
    opened_at = rooms[room].time_after_gifts(datetime.now(UTC))
    # Streams of a room follow each other, also if another instance closed the last one.
    if (closed_at := await store.find_last_closing(tx, room)) is not None:
        opened_at = max(opened_at, closed_at + MOMENT)
    claimed, is_new = await room_store.claim_room(tx, room, creator, opened_at)
    ownership = require_owner(claimed, creator)
    stream = await store.find_open_stream(tx, room)
    if stream is not None:
        await store.set_title(tx, stream.stream, title)
        return replace(stream, title=title)
    await _require_limits(tx, creator, limits, is_new_room=is_new)
    number = ownership.openings + 1
    stream = Stream(
        stream=uuid5(NAMESPACE, f"stream|{room}|{number}"),
        room=room,
        number=number,
        creator=creator,
        title=title,
        opened_at=opened_at,
    )
    await store.insert_stream(tx, stream)
    event = await _opened(tx, stream, ownership.guests)
    feed = FeedWriter(rooms, show)
    feed.add(room, EntryKind.ROOM, event.id, {"state": "opened", **event.model_dump()})
    await feed.save(tx)
    await publish(tx, [Fact(event, 1, cause)])
    return stream


async def close_stream(
    tx: Transaction, room: str, creator: str, *, cause: Cause, show: Show
) -> StreamTotals:
    """Close the open stream; return what was given to it so far."""
    rooms = await lock_rooms(tx, [room])
    ownership = require_owner(await room_store.lock_ownership(tx, room), creator)
    stream = await store.find_open_stream(tx, room)
    if stream is None:
        raise NotLive
    return await end_stream(tx, rooms, stream, ownership.guests, cause=cause, show=show)


async def end_stream(
    tx: Transaction,
    rooms: dict[str, RoomTotals],
    stream: Stream,
    guests: Sequence[str],
    *,
    cause: Cause,
    show: Show,
) -> StreamTotals:
    """Close a stream whose room and ownership are locked."""
    room = stream.room
    now = rooms[room].time_after_gifts(datetime.now(UTC))
    closed_at = max(now, stream.opened_at + MOMENT)
    await store.close_stream(tx, stream.stream, closed_at)
    total = await read_total(tx, room, stream_of(stream.stream))
    event = RoomClosed(
        stream=stream.stream,
        room=room,
        creator=stream.creator,
        title=stream.title,
        opened_at=stream.opened_at,
        closed_at=closed_at,
        **asdict(total),
        revision=await room_store.count_change(tx, room),
        guests=tuple(guests),
    )
    feed = FeedWriter(rooms, show)
    feed.add(room, EntryKind.ROOM, event.id, {"state": "closed", **event.model_dump()})
    await feed.save(tx)
    await publish(tx, [Fact(event, 2, cause)])
    closed = replace(stream, closed_at=closed_at)
    return StreamTotals(**asdict(closed), guests=tuple(guests), **asdict(total))


async def publish_open_rooms(tx: Transaction) -> bool:
    """
    Publish open rooms again whose owner and guests were never published.

    An instance of an older version opened those. Returns whether there may be more.
    """
    found = await store.list_unpublished(tx, limit=REPUBLISHED_AT_A_TIME)
    facts = []
    for stream in found:
        ownership = await room_store.find_ownership(tx, stream.room)
        event = await _opened(tx, stream, ownership.guests if ownership else ())
        facts.append(Fact(event, 1, UPGRADE, stream.opened_at))
    if facts:
        await publish(tx, facts)
    return len(found) == REPUBLISHED_AT_A_TIME


async def _require_limits(
    tx: Transaction, creator: str, limits: RoomLimits, *, is_new_room: bool
) -> None:
    """Refuse one stream or one room too many; the quota's lock keeps a creator's openings apart."""
    await quotas.use(tx, creator, STREAMS)
    live, owned = await room_store.count_rooms(tx, creator)
    if live >= limits.open_max:
        raise TooManyOpenRooms(rooms_max=limits.open_max)
    if is_new_room:
        # This room is among them.
        if owned > limits.owned_max:
            raise TooManyRooms(rooms_max=limits.owned_max)
        await quotas.use(tx, creator, ROOM_CLAIMS)


async def _opened(tx: Transaction, stream: Stream, guests: Sequence[str]) -> RoomOpened:
    """Return the event of an open stream; its room's ownership is locked."""
    return RoomOpened(
        stream=stream.stream,
        room=stream.room,
        creator=stream.creator,
        title=stream.title,
        opened_at=stream.opened_at,
        revision=await room_store.count_change(tx, stream.room),
        guests=tuple(guests),
    )
