"""Knowing whose rooms are, who is a guest in them, and which are open."""

from collections.abc import Sequence
from typing import TypeAlias

from services.gift.domain.rooms import Room, newest
from services.gift.store import rooms as store
from shared.contracts.envelope import Envelope
from shared.contracts.live import GuestEvent, RoomClosed, StreamEvent
from shared.postgres.database import Transaction

RoomEvent: TypeAlias = StreamEvent | GuestEvent


async def update_rooms(tx: Transaction, received: Sequence[Envelope[RoomEvent]]) -> None:
    """Keep what the newest fact says of each room, in any order."""
    events_of: dict[str, list[RoomEvent]] = {}
    for message in received:
        events_of.setdefault(message.data.room, []).append(message.data)
    known = await store.lock(tx, events_of)
    await store.save(
        tx,
        [
            newest(known.get(room), [_room(event, known.get(room)) for event in events])
            for room, events in sorted(events_of.items())
        ],
    )


def _room(event: RoomEvent, known: Room | None) -> Room:
    guests = event.guests
    if guests is None:
        # An older version does not say: they are whom the owner had before.
        guests = known.guests if known and known.creator == event.creator else ()
    return Room(
        room=event.room,
        creator=event.creator,
        guests=guests,
        stream=event.stream,
        is_open=event.stream is not None and not isinstance(event, RoomClosed),
        opened_at=event.opened_at,
        revision=event.revision or 0,
    )
