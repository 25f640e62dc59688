"""How gifts add up: for rooms, viewers and creators, and how reversals lower what they added."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

ALL = "all"

# (room, period, viewer), (room, period), (creator, viewer), and (gift, lot).
ScoreKey: TypeAlias = tuple[str, str, str]
TotalKey: TypeAlias = tuple[str, str]
SupporterKey: TypeAlias = tuple[str, str]
LotKey: TypeAlias = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Gift:
    """
    A gift that was sent, in a room or outside of any.

    `stream` is the one that was open in its room when it was sent. One that does not belong, to
    somebody who was not in the room, counts nowhere: it would be a way to buy a rank there cheaply.
    """

    gift: UUID
    room: str | None
    viewer: str
    creator: str
    anonymous: bool
    coins: int
    sent_at: datetime
    stream: UUID | None = None
    belongs: bool = True


@dataclass(frozen=True, slots=True)
class Reversal:
    """How many coins of a gift, out of one lot, stand reversed: a total, as of a revision."""

    gift: UUID
    lot: UUID
    room: str | None
    revision: int
    reversed_coins: int


@dataclass(slots=True)
class Room:
    """A room's running totals; `sequence` numbers what its feed shows without gaps."""

    room: str
    sequence: int = 0
    gifts: int = 0
    coins: int = 0
    last_sent_at: datetime | None = None


@dataclass(slots=True)
class Added:
    """What a batch adds to one row; `coins` may be negative where coins lost their money."""

    gifts: int = 0
    coins: int = 0
    first_at: datetime | None = None

    def add(self, gift: Gift, coins: int) -> None:
        self.gifts += 1
        self.coins += coins
        self.first_at = min(self.first_at or gift.sent_at, gift.sent_at)


@dataclass(slots=True)
class Changes:
    """What a batch changes, by the rows it changes; `worth` is by how much a gift counts now."""

    scores: dict[ScoreKey, Added] = field(default_factory=dict)
    totals: dict[TotalKey, Added] = field(default_factory=dict)
    supporters: dict[SupporterKey, Added] = field(default_factory=dict)
    gifters: dict[str, Added] = field(default_factory=dict)
    lowered_scores: dict[ScoreKey, int] = field(default_factory=dict)
    # Newest reversals of each gift and lot that were heard for the first time.
    reversals: dict[LotKey, Reversal] = field(default_factory=dict)
    worth: list[tuple[Gift, int]] = field(default_factory=list)
    # The places, among the reversals of the batch, of those that were old news.
    stale: set[int] = field(default_factory=set)
    # Gifts that were never counted before, in no counting: nobody has seen them yet.
    unseen: set[UUID] = field(default_factory=set)
    # Gifts, and combos of gifts, to somebody who was not in their room: nothing of them is shown.
    strangers: set[UUID] = field(default_factory=set)
    # What was decided about messages before their gifts came; None: removed.
    messages: dict[UUID, str | None] = field(default_factory=dict)

    def given_openly(self) -> dict[str, int]:
        """Return by how much the coins change that each viewer gave openly, to all creators."""
        coins: dict[str, int] = {}
        for (_, viewer), added in self.supporters.items():
            coins[viewer] = coins.get(viewer, 0) + added.coins
        return coins


def periods_of(gift: Gift) -> list[str]:
    """Return the periods of its room's standing that a gift counts in."""
    periods = [ALL, day_of(gift.sent_at), week_of(gift.sent_at)]
    if gift.stream is not None:
        periods.append(stream_of(gift.stream))
    return periods


def day_of(moment: datetime) -> str:
    return f"day:{moment.astimezone(UTC):%Y-%m-%d}"


def week_of(moment: datetime) -> str:
    """Name the ISO week, which begins on a Monday; all of it in UTC."""
    return f"week:{moment.astimezone(UTC):%G-W%V}"


def stream_of(stream: UUID) -> str:
    return f"stream:{stream}"


def add_up(
    rooms: Mapping[str, Room],
    gifts: Iterable[Gift],
    *,
    known: Mapping[LotKey, tuple[int, int]],
) -> Changes:
    """
    Add gifts that were not counted before, less what was `known` to stand reversed of them.

    An anonymous gift counts for its room, and for the level that its giver alone sees; it is in
    nobody's score or shown level, and its creator does not learn whose it was.
    """
    changes = Changes()
    reversed_coins: dict[UUID, int] = {}
    for (gift_id, _), (_, coins) in known.items():
        reversed_coins[gift_id] = reversed_coins.get(gift_id, 0) + coins
    for gift in gifts:
        if not gift.belongs:
            continue
        worth = gift.coins - reversed_coins.get(gift.gift, 0)
        changes.worth.append((gift, worth))
        changes.gifters.setdefault(gift.viewer, Added()).add(gift, worth)
        if not gift.anonymous:
            changes.supporters.setdefault((gift.creator, gift.viewer), Added()).add(gift, worth)
        if gift.room is not None:
            _add_to_room(rooms[gift.room], changes, gift, worth)
    return changes


def _add_to_room(room: Room, changes: Changes, gift: Gift, worth: int) -> None:
    room.gifts += 1
    room.coins += worth
    room.last_sent_at = max(room.last_sent_at or gift.sent_at, gift.sent_at)
    for period in periods_of(gift):
        changes.totals.setdefault((room.room, period), Added()).add(gift, worth)
        if not gift.anonymous:
            key = (room.room, period, gift.viewer)
            changes.scores.setdefault(key, Added()).add(gift, worth)


def take_back(
    rooms: Mapping[str, Room],
    changes: Changes,
    reversals: Iterable[Reversal],
    *,
    counted: Mapping[UUID, Gift],
    known: dict[LotKey, tuple[int, int]],
) -> set[int]:
    """
    Lower whatever a gift counted in by what lost its money, or raise it again.

    `known` is the (revision, coins) heard of before and is brought up to date. A gift that is
    not `counted` yet changes nothing now, but when it comes. Returns the places of those that
    were old news.
    """
    stale: set[int] = set()
    for place, told in enumerate(reversals):
        key = (told.gift, told.lot)
        revision, coins = known.get(key, (0, 0))
        if told.revision <= revision:
            stale.add(place)
            continue
        known[key] = (told.revision, told.reversed_coins)
        changes.reversals[key] = told
        gift = counted.get(told.gift)
        change = coins - told.reversed_coins
        if gift is None or not gift.belongs or not change:
            continue
        changes.worth.append((gift, change))
        changes.gifters.setdefault(gift.viewer, Added()).coins += change
        if not gift.anonymous:
            changes.supporters.setdefault((gift.creator, gift.viewer), Added()).coins += change
        if gift.room is not None:
            _change_room(rooms[gift.room], changes, gift, change)
    return stale


def _change_room(room: Room, changes: Changes, gift: Gift, change: int) -> None:
    room.coins += change
    for period in periods_of(gift):
        changes.totals.setdefault((room.room, period), Added()).coins += change
        if not gift.anonymous:
            key = (room.room, period, gift.viewer)
            changes.lowered_scores[key] = changes.lowered_scores.get(key, 0) + change
