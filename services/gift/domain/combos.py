"""
Taps in a row: one viewer giving the same thing to the same creator, again and again.

A combo counts what was sent, in the order of the outcomes. While one of its gifts is open it goes
on, so the running combo of a gift is found by what they have in common.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.gift.domain.catalogue import STREAK
from services.gift.domain.gifts import Gift, State

# So long after its last tap a combo of which nothing is open is over.
WINDOW_SECONDS = 5


class ComboKey(NamedTuple):
    """
    What the gifts of a combo have in common.

    Whether they are anonymous is part of it: else an anonymous gift were linked to a named one.
    """

    viewer: str
    room: str
    creator: str
    gift_type: str
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Combo:
    """A combo as it is remembered; the totals are of what was sent."""

    viewer: str
    id: UUID
    room: str
    creator: str
    gift_type: str
    anonymous: bool
    started_at: datetime
    ended_at: datetime | None
    sent_gifts: int
    repeat_count: int
    coins: int
    correlation_id: str

    @property
    def key(self) -> ComboKey:
        return ComboKey(self.viewer, self.room, self.creator, self.gift_type, self.anonymous)


@dataclass(frozen=True, slots=True)
class Change:
    """What the outcomes of a few gifts change in their combo."""

    settled_gifts: int = 0
    sent_gifts: int = 0
    repeat_count: int = 0
    coins: int = 0


def key_of(gift: Gift) -> ComboKey | None:
    """Return which combo a gift belongs to; one without a room, or a single one, to none."""
    if gift.room is None or gift.mode != STREAK:
        return None
    return ComboKey(gift.viewer, gift.room, gift.creator, gift.gift_type, gift.anonymous)


def taps(gifts: Iterable[Gift]) -> dict[ComboKey, list[Gift]]:
    """Gather the gifts that belong into combos, each combo's in their order."""
    gathered: dict[ComboKey, list[Gift]] = {}
    for gift in gifts:
        if (key := key_of(gift)) is not None:
            gathered.setdefault(key, []).append(gift)
    return gathered


def changes(settled: Iterable[Gift]) -> dict[ComboKey, Change]:
    """Sum what outcomes change in each combo; a refused gift only stops being open."""
    summed: dict[ComboKey, Change] = {}
    for gift in settled:
        if (key := key_of(gift)) is not None:
            sent = gift.state is State.SENT
            before = summed.get(key, Change())
            summed[key] = Change(
                before.settled_gifts + 1,
                before.sent_gifts + sent,
                before.repeat_count + gift.count * sent,
                before.coins + gift.coins * sent,
            )
    return summed


def counted(settled: Iterable[Gift], combos: Mapping[ComboKey, Combo]) -> dict[UUID, Gift]:
    """
    Return the gifts with what their combo came to with each of them.

    `settled` are in the order of their outcomes, and already part of the totals of `combos`.
    """
    totals: dict[ComboKey, tuple[int, int]] = {}
    for changed, change in changes(settled := list(settled)).items():
        after = combos[changed]
        totals[changed] = after.repeat_count - change.repeat_count, after.coins - change.coins
    told: dict[UUID, Gift] = {}
    for gift in settled:
        if (key := key_of(gift)) is None:
            continue
        combo = combos[key]
        if gift.state is not State.SENT:
            told[gift.id] = replace(gift, combo=combo.id)
            continue
        count, coins = totals[key]
        totals[key] = count + gift.count, coins + gift.coins
        told[gift.id] = replace(
            gift,
            combo=combo.id,
            repeat_count=count + gift.count,
            combo_coins=coins + gift.coins,
        )
    return told
