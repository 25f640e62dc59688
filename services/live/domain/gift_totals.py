"""How gifts add up: for rooms, viewers and creators, and how reversals lower what they added."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

ALL = "all"
MOMENT = timedelta(microseconds=1)

# (room, period, viewer), (room, period), (creator, viewer), and (gift, lot).
ScoreKey: TypeAlias = tuple[str, str, str]
TotalKey: TypeAlias = tuple[str, str]
SupporterKey: TypeAlias = tuple[str, str]
LotKey: TypeAlias = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Gift:
    """
    A gift that was sent, in a room or outside of any.

    `stream` is the session that was open in its room when it was sent. A gift whose creator was not
    in the room does not belong there and counts nowhere: it would be a cheap way to buy a rank.
    """

    gift: UUID
    room: str | None
    viewer: str
    creator: str
    coins: int
    anonymous: bool
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
class RoomTotals:
    """A room's running totals; `sequence` numbers the entries of its feed without gaps."""

    room: str
    sequence: int = 0
    gifts: int = 0
    coins: int = 0
    last_sent_at: datetime | None = None

    def time_after_gifts(self, now: datetime) -> datetime:
        """Return now, or just after the last gift counted: clocks of services differ."""
        return now if self.last_sent_at is None else max(now, self.last_sent_at + MOMENT)


@dataclass(slots=True)
class Increment:
    """What a batch adds to one row; `coins` are negative where coins were reversed."""

    gifts: int = 0
    coins: int = 0
    first_at: datetime | None = None

    def add(self, gift: Gift, coins: int, *, is_new: bool) -> None:
        self.coins += coins
        if is_new:
            self.gifts += 1
            self.first_at = min(self.first_at or gift.sent_at, gift.sent_at)


@dataclass(slots=True)
class Changes:
    """What a batch changes, by the rows it changes; `worth` is by how much a gift counts now."""

    scores: dict[ScoreKey, Increment] = field(default_factory=dict)
    totals: dict[TotalKey, Increment] = field(default_factory=dict)
    supporters: dict[SupporterKey, Increment] = field(default_factory=dict)
    gifters: dict[str, Increment] = field(default_factory=dict)
    reversed_scores: dict[ScoreKey, int] = field(default_factory=dict)
    # Newest reversals of each gift and lot that were not known before.
    reversals: dict[LotKey, Reversal] = field(default_factory=dict)
    worth: list[tuple[Gift, int]] = field(default_factory=list)
    # The positions, among the reversals of the batch, of those with an old revision.
    stale: set[int] = field(default_factory=set)
    # Gifts that were never counted before, in no rebuild: no feed has shown them.
    unseen: set[UUID] = field(default_factory=set)
    # Gifts, and combos of gifts, whose creator was not in their room: no feed shows them.
    misplaced: set[UUID] = field(default_factory=set)
    # Gifts that are counted for the first time in this generation.
    new: tuple[Gift, ...] = ()

    def open_coins(self) -> dict[str, int]:
        """Return by how much the coins change that each viewer gave openly, to all creators."""
        coins: dict[str, int] = {}
        for (_, viewer), increment in self.supporters.items():
            coins[viewer] = coins.get(viewer, 0) + increment.coins
        return coins


def periods_of(gift: Gift) -> list[str]:
    """Return the periods of its room's leaderboard that a gift counts in."""
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


def count_gifts(
    rooms: Mapping[str, RoomTotals],
    gifts: Iterable[Gift],
    *,
    known: Mapping[LotKey, tuple[int, int]],
) -> Changes:
    """
    Add gifts that were not counted before, less what is `known` to stand reversed of them.

    An anonymous gift counts for its room, and for the level that its giver alone sees. It is in no
    score and in no level that others see, and its creator does not learn whose it was.
    """
    changes = Changes(new=tuple(gifts))
    reversed_coins: dict[UUID, int] = {}
    for (gift_id, _), (_, coins) in known.items():
        reversed_coins[gift_id] = reversed_coins.get(gift_id, 0) + coins
    for gift in changes.new:
        if gift.belongs:
            worth = gift.coins - reversed_coins.get(gift.gift, 0)
            _change(rooms, changes, gift, worth, is_new=True)
    return changes


def apply_reversals(
    rooms: Mapping[str, RoomTotals],
    changes: Changes,
    reversals: Iterable[Reversal],
    *,
    counted: Mapping[UUID, Gift],
    known: dict[LotKey, tuple[int, int]],
) -> set[int]:
    """
    Lower everything that a gift counted in by its reversed coins, or raise it again.

    `known` is the newest (revision, coins) so far and is brought up to date. A gift that is not
    `counted` yet changes nothing now, but when it comes. Returns the positions of stale reversals.
    """
    stale: set[int] = set()
    for position, reversal in enumerate(reversals):
        key = (reversal.gift, reversal.lot)
        revision, coins = known.get(key, (0, 0))
        if reversal.revision <= revision:
            stale.add(position)
            continue
        known[key] = (reversal.revision, reversal.reversed_coins)
        changes.reversals[key] = reversal
        gift = counted.get(reversal.gift)
        change = coins - reversal.reversed_coins
        if gift is not None and gift.belongs and change:
            _change(rooms, changes, gift, change, is_new=False)
    return stale


def _change(
    rooms: Mapping[str, RoomTotals], changes: Changes, gift: Gift, coins: int, *, is_new: bool
) -> None:
    """Add coins, which may be negative, to everything that a gift counts in."""
    changes.worth.append((gift, coins))
    changes.gifters.setdefault(gift.viewer, Increment()).add(gift, coins, is_new=is_new)
    if not gift.anonymous:
        pair = (gift.creator, gift.viewer)
        changes.supporters.setdefault(pair, Increment()).add(gift, coins, is_new=is_new)
    if gift.room is None:
        return
    room = rooms[gift.room]
    room.coins += coins
    if is_new:
        room.gifts += 1
        room.last_sent_at = max(room.last_sent_at or gift.sent_at, gift.sent_at)
    for period in periods_of(gift):
        total = changes.totals.setdefault((room.room, period), Increment())
        total.add(gift, coins, is_new=is_new)
        if gift.anonymous:
            continue
        key = (room.room, period, gift.viewer)
        if is_new:
            changes.scores.setdefault(key, Increment()).add(gift, coins, is_new=True)
        else:
            changes.reversed_scores[key] = changes.reversed_scores.get(key, 0) + coins
