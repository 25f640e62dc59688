"""Operators give rooms to creators, and creators have guests in theirs."""

from datetime import UTC, datetime
from uuid import uuid5

import structlog

from services.live.commands.feed import FeedWriter, Show
from services.live.commands.streams import end_stream
from services.live.domain.feed import EntryKind
from services.live.domain.quotas import GUESTS
from services.live.domain.rooms import GUESTS_MAX, NoSuchRoom, TooManyGuests, require_owner
from services.live.store import rooms as store
from services.live.store.gift_totals import lock_rooms
from services.live.store.streams import find_open_stream
from shared.backoffice.adjustments import audit
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.live import GuestJoined, GuestLeft
from shared.identity.people import require_other_person
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()


async def set_owner(
    tx: Transaction, room: str, creator: str | None, *, operator: str, cause: Cause, show: Show
) -> None:
    """
    Give a room to a creator, or, with None, to the next one who opens it.

    The owner before has no part in it any more: their stream ends, their guests go.
    """
    rooms = await lock_rooms(tx, [room])
    ownership = await store.lock_ownership(tx, room)
    before = ownership.creator if ownership else None
    for owner in (before, creator):
        if owner is not None:
            require_other_person(operator=operator, user=owner)
    if ownership is None and creator is None:
        raise NoSuchRoom
    if ownership is not None and before == creator:
        return
    if (stream := await find_open_stream(tx, room)) is not None:
        assert ownership is not None
        await end_stream(tx, rooms, stream, ownership.guests, cause=cause, show=show)
    await store.set_owner(tx, room, creator, rooms[room].time_after_gifts(datetime.now(UTC)))
    for person in filter(None, (before, creator)):
        await audit(
            tx,
            operator=operator,
            action="room.owner_set",
            user=person,
            reason=f"the owner of {room} was {before or 'nobody'}, and is {creator or 'nobody'}",
            room=room,
        )
    tx.after_commit(
        lambda: log.info(
            "room.owner_set", room=room, owner=creator, before=before, operator=operator
        )
    )


async def set_guest(
    tx: Transaction,
    room: str,
    creator: str,
    guest: str,
    *,
    present: bool,
    cause: Cause,
    show: Show,
) -> list[str]:
    """Have a guest, or no longer; return the guests that are there now."""
    rooms = await lock_rooms(tx, [room])
    ownership = require_owner(await store.lock_ownership(tx, room), creator)
    guests = list(ownership.guests)
    if present == (guest in guests):
        return guests
    if present:
        if len(guests) >= GUESTS_MAX:
            raise TooManyGuests(guests_max=GUESTS_MAX)
        await quotas.use(tx, creator, GUESTS)
        guests.append(guest)
    else:
        guests.remove(guest)
    at = rooms[room].time_after_gifts(datetime.now(UTC))
    await store.save_guests(tx, room, guests, joined=guest if present else None, at=at)
    feed = FeedWriter(rooms, show)
    subject = uuid5(NAMESPACE, f"guests|{room}|{rooms[room].sequence}")
    feed.add(room, EntryKind.ROOM, subject, {"state": "guests", "room": room, "guests": guests})
    await feed.save(tx)
    event = await _guest_event(tx, room, creator, guest, guests, at=at)
    await publish(tx, [Fact(event, event.revision, cause, at)])
    return guests


async def _guest_event(
    tx: Transaction, room: str, creator: str, guest: str, guests: list[str], *, at: datetime
) -> GuestJoined | GuestLeft:
    """Return the event of a guest who came or left; the room's ownership is locked."""
    stream = await find_open_stream(tx, room)
    about = {
        "room": room,
        "revision": await store.count_change(tx, room),
        "creator": creator,
        "guest": guest,
        "guests": tuple(guests),
        "stream": stream.stream if stream else None,
        "opened_at": stream.opened_at if stream else None,
    }
    if guest in guests:
        return GuestJoined.model_validate({**about, "joined_at": at})
    return GuestLeft.model_validate({**about, "left_at": at})
