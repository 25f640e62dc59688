"""
Taps in a row: one viewer giving the same thing to the same creator, again and again.

A combo counts what was sent, in the order of the outcomes. While one of its gifts is open it goes
on, so the running combo of a gift is found by what they have in common.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.gift.domain.catalogue import STREAK
from services.gift.domain.gifts import Gift

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
    # Why its creator may receive its first gift.
    target: str | None = None


class Running(NamedTuple):
    """What a combo that goes on comes to so far."""

    combo: UUID
    repeat_count: int
    coins: int


class Outcome(NamedTuple):
    """A gift that was open, and whether it is sent."""

    gift: Gift
    sent: bool


class Place(NamedTuple):
    """Which combo a gift is part of; if it was sent, what that came to with it."""

    combo: UUID | None
    repeat_count: int | None
    combo_coins: int | None


class Change(NamedTuple):
    """What the outcomes of a few gifts change in their combo."""

    decided_gifts: int
    sent_gifts: int
    repeat_count: int
    coins: int


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


def changes(outcomes: Iterable[Outcome]) -> dict[ComboKey, Change]:
    """Sum what outcomes change in each combo; a refused gift only stops being open."""
    summed: dict[ComboKey, Change] = {}
    for gift, sent in outcomes:
        if (key := key_of(gift)) is not None:
            before = summed.get(key, _NOTHING)
            summed[key] = Change(
                before.decided_gifts + 1,
                before.sent_gifts + sent,
                before.repeat_count + gift.count * sent,
                before.coins + gift.coins * sent,
            )
    return summed


def places(outcomes: Iterable[Outcome], running: Mapping[ComboKey, Running]) -> dict[UUID, Place]:
    """
    Return, of each gift that is part of a combo, what that came to with it.

    The outcomes are in their order; `running` is what the combos come to before them.
    """
    totals = {key: (combo.repeat_count, combo.coins) for key, combo in running.items()}
    found: dict[UUID, Place] = {}
    for gift, sent in outcomes:
        if (key := key_of(gift)) is None:
            continue
        combo = running[key].combo
        if not sent:
            found[gift.id] = Place(combo, None, None)
            continue
        count, coins = totals[key][0] + gift.count, totals[key][1] + gift.coins
        totals[key] = count, coins
        found[gift.id] = Place(combo, count, coins)
    return found


_NOTHING = Change(0, 0, 0, 0)
