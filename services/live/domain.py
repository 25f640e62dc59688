"""How gifts add up in a room. Pure: no database, no broker, no clock."""

from collections.abc import Container, Iterable, Mapping
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
    # Coins that had lost their money before the gift was heard of here.
    reversed_coins: int = 0


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


@dataclass(frozen=True, slots=True)
class RoomReversal:
    """How many coins of a gift, out of one lot, stand reversed: a total, as of a revision."""

    room: str
    gift: UUID
    lot: UUID
    viewer: str
    anonymous: bool
    revision: int
    reversed_coins: int

    @property
    def key(self) -> tuple[str, UUID, UUID]:
        return self.room, self.gift, self.lot


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
        coins = gift.coins - gift.reversed_coins
        room.coins += coins
        added.entries.append((gift, room.sequence))
        if gift.anonymous:
            continue
        key = (gift.room, gift.viewer)
        score = added.scores.setdefault(key, Score(gift.room, gift.viewer))
        score.gifts += 1
        score.coins += coins
        score.first_at = min(score.first_at or gift.sent_at, gift.sent_at)
    return added


def take_back(
    rooms: Mapping[str, Room],
    reversals: Iterable[RoomReversal],
    *,
    counted: Container[tuple[str, UUID]],
    known: dict[tuple[str, UUID, UUID], tuple[int, int]],
) -> dict[tuple[str, str], int]:
    """
    Lower rooms by what lost its money, or raise them again; return by how much scores change.

    `known` is the (revision, coins) heard of before and is brought up to date; only gifts that
    were `counted` change anything now, the others when they come.
    """
    changes: dict[tuple[str, str], int] = {}
    for told in reversals:
        revision, coins = known.get(told.key, (0, 0))
        if told.revision <= revision:
            continue
        known[told.key] = (told.revision, told.reversed_coins)
        if (told.room, told.gift) not in counted:
            continue
        change = coins - told.reversed_coins
        rooms[told.room].coins += change
        if not told.anonymous:
            key = (told.room, told.viewer)
            changes[key] = changes.get(key, 0) + change
    return changes
