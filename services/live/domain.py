"""How gifts add up in a room. Pure: no database, no broker, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RoomGift:
    """A gift sent in a room; `shown` is what its viewers see of it."""

    room: str
    gift: UUID
    viewer: str
    anonymous: bool
    coins: int
    sent_at: datetime
    shown: Mapping[str, Any]


@dataclass(slots=True)
class Room:
    """A room's running totals; `sequence` numbers its gifts without gaps."""

    room: str
    sequence: int = 0
    gifts: int = 0
    coins: int = 0


@dataclass(slots=True)
class Score:
    """What one viewer gave in one room, by this batch."""

    room: str
    viewer: str
    gifts: int = 0
    coins: int = 0
    first_at: datetime | None = None


@dataclass(slots=True)
class Tally:
    """What a batch of gifts adds: entries of the feed, and scores."""

    entries: list[tuple[RoomGift, int]] = field(default_factory=list)
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)


def tally(rooms: Mapping[str, Room], gifts: Iterable[RoomGift]) -> Tally:
    """
    Add gifts to their rooms in the order in which they came; none may be known already.

    An anonymous gift counts for the room, and for nobody's score.
    """
    added = Tally()
    for gift in gifts:
        room = rooms[gift.room]
        room.sequence += 1
        room.gifts += 1
        room.coins += gift.coins
        added.entries.append((gift, room.sequence))
        if gift.anonymous:
            continue
        key = (gift.room, gift.viewer)
        score = added.scores.setdefault(key, Score(gift.room, gift.viewer))
        score.gifts += 1
        score.coins += gift.coins
        score.first_at = min(score.first_at or gift.sent_at, gift.sent_at)
    return added
