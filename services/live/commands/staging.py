"""Creators open their rooms, have guests, and close them again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import structlog

from services.live.commands import describing
from services.live.commands.feeding import Page, Show
from services.live.domain.gifts import Room, stream_of
from services.live.domain.goals import Goal
from services.live.domain.quotas import (
    GUESTS,
    ROOM_CLAIMS,
    STREAMS,
    RoomLimits,
    TooManyOpenRooms,
    TooManyRooms,
)
from services.live.domain.rooms import (
    GUESTS_MAX,
    NoSuchRoom,
    NoSuchStream,
    NotLive,
    Stage,
    Stream,
    TooManyGuests,
    require_owner,
)
from services.live.store import counting, goals, stages, standing
from services.live.store.stages import Live
from services.live.store.standing import Top, Total
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.live import GuestJoined, GuestLeft, RoomClosed, RoomOpened
from shared.identity.people import require_other_person
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()

SUMMARY_NAMES_MAX = 10
NEWCOMERS_MAX = 100
MOMENT = timedelta(microseconds=1)
TELL_MAX = 100
# What is told again after an upgrade was caused by no request.
TOLD_AGAIN = "upgrade"


async def open_room(
    tx: Transaction,
    room: str,
    creator: str,
    title: str | None,
    *,
    story: str,
    show: Show,
    limits: RoomLimits | None = None,
) -> Stream:
    """Go live, in a room of one's own or in one that is nobody's; again, it changes the title."""
    rooms = await counting.lock_rooms(tx, [room])
    opened_at = _after_gifts(rooms[room])
    # Whichever instance ended the last one: streams of a room follow each other.
    if (closed_at := await stages.last_closed_at(tx, room)) is not None:
        opened_at = max(opened_at, closed_at + MOMENT)
    claimed, is_new = await stages.claim(tx, room, creator, opened_at)
    stage = require_owner(claimed, creator)
    stream = await stages.current(tx, room)
    if stream is not None:
        await stages.retitle(tx, stream.stream, title)
        return replace(stream, title=title)
    await _require_room_for_a_stream(tx, creator, limits or RoomLimits(), is_new=is_new)
    number = stage.openings + 1
    stream = Stream(
        stream=uuid5(NAMESPACE, f"stream|{room}|{number}"),
        room=room,
        number=number,
        creator=creator,
        title=title,
        opened_at=opened_at,
    )
    await stages.open_stream(tx, stream)
    event = await _opened(tx, stream, stage.guests)
    page = Page(rooms)
    page.add(room, describing.ROOM, event.id, {"state": "opened", **event.model_dump()})
    await page.save(tx, show=show)
    await publish(tx, [Fact(event, 1, Cause(story))])
    return stream


async def _require_room_for_a_stream(
    tx: Transaction, creator: str, limits: RoomLimits, *, is_new: bool
) -> None:
    """Refuse one stream or one room too many; the quota's lock keeps a creator's openings apart."""
    await quotas.use(tx, creator, STREAMS)
    live, owned = await stages.count_rooms(tx, creator)
    if live >= limits.open_max:
        raise TooManyOpenRooms(rooms_max=limits.open_max)
    if is_new:
        # This room is among them.
        if owned > limits.owned_max:
            raise TooManyRooms(rooms_max=limits.owned_max)
        await quotas.use(tx, creator, ROOM_CLAIMS)


async def close_room(
    tx: Transaction, room: str, creator: str, *, story: str, show: Show
) -> tuple[Stream, Total]:
    """End the stream that goes on, and say what it came to so far."""
    rooms = await counting.lock_rooms(tx, [room])
    stage = require_owner(await stages.lock(tx, room), creator)
    stream = await stages.current(tx, room)
    if stream is None:
        raise NotLive
    return await _end(tx, rooms, stream, stage.guests, story=story, show=show)


async def tell_rooms(tx: Transaction) -> bool:
    """
    Announce open rooms again whose owner and guests nobody was told; return whether there are more.

    A version that did not say them opened those rooms.
    """
    found = await stages.untold(tx, limit=TELL_MAX)
    facts = []
    for stream in found:
        stage = await stages.find(tx, stream.room)
        event = await _opened(tx, stream, stage.guests if stage else ())
        facts.append(Fact(event, 1, Cause(TOLD_AGAIN), stream.opened_at))
    if facts:
        await publish(tx, facts)
    return len(found) == TELL_MAX


async def set_owner(
    tx: Transaction, room: str, creator: str | None, *, operator: str, story: str, show: Show
) -> None:
    """
    Give a room to a creator, or to whoever opens it next, as an operator says.

    Whose room it was has no part in it any more: their stream ends, their guests go.
    """
    rooms = await counting.lock_rooms(tx, [room])
    stage = await stages.lock(tx, room)
    before = stage.creator if stage else None
    for owner in (before, creator):
        if owner is not None:
            require_other_person(operator=operator, user=owner)
    if stage is None and creator is None:
        raise NoSuchRoom
    if stage is not None and before == creator:
        return
    if (stream := await stages.current(tx, room)) is not None:
        assert stage is not None
        await _end(tx, rooms, stream, stage.guests, story=story, show=show)
    await stages.set_owner(tx, room, creator, _after_gifts(rooms[room]))
    tx.after_commit(
        lambda: log.info(
            "room.owner_set", room=room, owner=creator, before=before, operator=operator
        )
    )


async def _opened(tx: Transaction, stream: Stream, guests: Sequence[str]) -> RoomOpened:
    """Say that a room is open, and all that is so of it; its stage is locked."""
    return RoomOpened(
        stream=stream.stream,
        room=stream.room,
        creator=stream.creator,
        title=stream.title,
        opened_at=stream.opened_at,
        revision=await stages.count_change(tx, stream.room),
        guests=tuple(guests),
    )


async def _end(
    tx: Transaction,
    rooms: dict[str, Room],
    stream: Stream,
    guests: Sequence[str],
    *,
    story: str,
    show: Show,
) -> tuple[Stream, Total]:
    room = stream.room
    closed_at = max(_after_gifts(rooms[room]), stream.opened_at + MOMENT)
    await stages.close_stream(tx, stream.stream, closed_at)
    total = await standing.total(tx, room, stream_of(stream.stream))
    event = RoomClosed(
        stream=stream.stream,
        room=room,
        creator=stream.creator,
        title=stream.title,
        opened_at=stream.opened_at,
        closed_at=closed_at,
        gifts=total.gifts,
        coins=total.coins,
        gifters=total.gifters,
        revision=await stages.count_change(tx, room),
        guests=tuple(guests),
    )
    page = Page(rooms)
    page.add(room, describing.ROOM, event.id, {"state": "closed", **event.model_dump()})
    await page.save(tx, show=show)
    await publish(tx, [Fact(event, 2, Cause(story))])
    return replace(stream, closed_at=closed_at), total


async def set_guest(
    tx: Transaction,
    room: str,
    creator: str,
    guest: str,
    *,
    present: bool,
    story: str,
    show: Show,
) -> list[str]:
    """Have a guest, or no longer; return who is there now."""
    rooms = await counting.lock_rooms(tx, [room])
    stage = require_owner(await stages.lock(tx, room), creator)
    guests = list(stage.guests)
    if present == (guest in guests):
        return guests
    if present:
        if len(guests) >= GUESTS_MAX:
            raise TooManyGuests(guests_max=GUESTS_MAX)
        await quotas.use(tx, creator, GUESTS)
        guests.append(guest)
    else:
        guests.remove(guest)
    at = _after_gifts(rooms[room])
    await stages.set_guests(tx, room, guests, joined=guest if present else None, at=at)
    page = Page(rooms)
    subject = uuid5(NAMESPACE, f"guests|{room}|{rooms[room].sequence}")
    shown = {"state": "guests", "room": room, "guests": guests}
    page.add(room, describing.ROOM, subject, shown)
    await page.save(tx, show=show)
    event = await _guest_event(tx, stage, guest, guests, at=at)
    await publish(tx, [Fact(event, event.revision, Cause(story), at)])
    return guests


async def _guest_event(
    tx: Transaction, stage: Stage, guest: str, guests: Sequence[str], *, at: datetime
) -> GuestJoined | GuestLeft:
    """Say who came or left, and all that is so of the room; its stage is locked."""
    assert stage.creator is not None
    stream = await stages.current(tx, stage.room)
    revision = await stages.count_change(tx, stage.room)
    known = (stream.stream, stream.opened_at) if stream else (None, None)
    if guest in guests:
        return GuestJoined(
            room=stage.room,
            revision=revision,
            creator=stage.creator,
            guest=guest,
            guests=tuple(guests),
            stream=known[0],
            opened_at=known[1],
            joined_at=at,
        )
    return GuestLeft(
        room=stage.room,
        revision=revision,
        creator=stage.creator,
        guest=guest,
        guests=tuple(guests),
        stream=known[0],
        opened_at=known[1],
        left_at=at,
    )


async def look(tx: Transaction, room: str) -> tuple[Stage | None, Stream | None]:
    """Return whose room it is, and the stream that goes on in it."""
    return await stages.find(tx, room), await stages.current(tx, room)


async def live(tx: Transaction, *, before: tuple[datetime, UUID] | None, limit: int) -> list[Live]:
    return await stages.live(tx, before=before, limit=limit)


async def streams(
    tx: Transaction, room: str, creator: str, *, before: int | None, limit: int
) -> list[Live]:
    require_owner(await stages.find(tx, room), creator)
    return await stages.streams(tx, room, before=before, limit=limit)


async def summary(
    tx: Transaction, room: str, creator: str, identifier: UUID
) -> tuple[Stream, Total, list[Top], list[str], list[Goal]]:
    """Return a stream, what was given to it, by whom, by whom first, and the goals it reached."""
    require_owner(await stages.find(tx, room), creator)
    stream = await stages.stream(tx, room, identifier)
    if stream is None:
        raise NoSuchStream
    period = stream_of(identifier)
    return (
        stream,
        await standing.total(tx, room, period),
        await standing.top_gifters(tx, room, period, limit=SUMMARY_NAMES_MAX),
        await standing.newcomers_between(
            tx, creator, stream.opened_at, stream.closed_at, limit=NEWCOMERS_MAX
        ),
        await goals.reached_between(tx, room, stream.opened_at, stream.closed_at),
    )


def _after_gifts(room: Room) -> datetime:
    """Return now, or just after the last gift counted: clocks of services differ."""
    now = datetime.now(UTC)
    return now if room.last_sent_at is None else max(now, room.last_sent_at + MOMENT)
