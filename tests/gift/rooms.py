"""Rooms as live tells of them, for tests."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from shared.contracts.live import GuestJoined, GuestLeft, RoomClosed, RoomOpened

BEGAN = datetime(2026, 1, 5, 20, tzinfo=UTC)
STREAMS = UUID("5c0e7c4e-0000-4000-8000-000000000000")


def stream_of(room, number=1):
    return uuid5(STREAMS, f"{room}|{number}")


def _stream(room, creator, number):
    return {
        "stream": stream_of(room, number),
        "room": room,
        "creator": creator,
        "opened_at": BEGAN + timedelta(hours=number),
    }


def opened(room="room-1", creator="lea", *, revision=1, number=1, guests=()):
    return RoomOpened(**_stream(room, creator, number), revision=revision, guests=guests)


def closed(room="room-1", creator="lea", *, revision=2, number=1, guests=()):
    at = BEGAN + timedelta(hours=number, minutes=50)
    known = _stream(room, creator, number)
    return RoomClosed(
        **known, revision=revision, guests=guests, closed_at=at, gifts=0, coins=0, gifters=0
    )


def _guest(room, creator, guest, guests, revision, number):
    known = _stream(room, creator, number) if number else {"room": room, "creator": creator}
    return {**known, "guest": guest, "guests": guests, "revision": revision}


def joined(guest, *, guests, revision, room="room-1", creator="lea", number=1):
    about = _guest(room, creator, guest, guests, revision, number)
    return GuestJoined(**about, joined_at=BEGAN + timedelta(minutes=revision))


def left(guest, *, guests=(), revision, room="room-1", creator="lea", number=1):
    about = _guest(room, creator, guest, guests, revision, number)
    return GuestLeft(**about, left_at=BEGAN + timedelta(minutes=revision))
