"""
Splits: whom the diamonds of a creator's gifts are shared with, and how much is each party's.

A split is decided when a gift is earned, by the gift's own time. The parties take their shares in
order, each of what those before have left, rounded down; the creator comes last and has the rest.
So every share grows with the whole, and the shares come to the whole exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from shared.errors import Kind, Refusal
from shared.identity.people import same_person
from shared.money import Rounding, prorate

BASIS_POINTS = 10_000
PARTIES_MAX = 5
# The accounts of all parties of all of them are locked when a gift is reversed.
SPLITS_MAX = 40


class SplitTooSoon(Refusal):
    """A split begins later, so that every instance knows it before its first gift."""

    kind = Kind.INVALID


class PartiesOverlap(Refusal):
    """The creator and the parties of a split are different people."""

    kind = Kind.INVALID


class SharesTooLarge(Refusal):
    """The parties' shares leave nothing for the creator."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Split:
    """With whom a creator shares gifts from some moment on; without parties with nobody."""

    effective_from: datetime
    parties: tuple[str, ...] = ()
    shares_bp: tuple[int, ...] = ()


# The splits of each creator who ever had one.
Splits: TypeAlias = Mapping[str, Sequence[Split]]
# A party of a gift, and the shares up to its own; None: all is the creator's.
Part: TypeAlias = tuple[str, tuple[int, ...] | None]


def share_of(whole: int, shares_bp: Sequence[int]) -> int:
    """Return what of a whole is the last one's of these shares, in their order."""
    taken, rest, rest_bp = whole, whole, BASIS_POINTS
    for share_bp in shares_bp:
        taken = prorate(rest, share_bp, rest_bp, Rounding.DOWN)
        rest -= taken
        rest_bp -= share_bp
    return taken


def split_at(splits: Sequence[Split], at: datetime) -> Split | None:
    """Return the split of a gift that was sent at a moment, if it is shared at all."""
    begun = [split for split in splits if split.effective_from <= at]
    newest = max(begun, key=lambda split: split.effective_from, default=None)
    return newest if newest is not None and newest.parties else None


def parts_of(splits: Splits, creator: str, sent_at: datetime) -> list[Part]:
    """Return who earns of a creator's gift that was sent at a moment; the creator comes last."""
    split = split_at(splits.get(creator, ()), sent_at)
    if split is None:
        return [(creator, None)]
    shares_bp = (*split.shares_bp, BASIS_POINTS - sum(split.shares_bp))
    people = (*split.parties, creator)
    return [(person, shares_bp[: turn + 1]) for turn, person in enumerate(people)]


def possible_parties(splits: Splits, creator: str) -> list[str]:
    """Return who may have earned of a creator's gift, whenever it was sent."""
    parties = {party for split in splits.get(creator, ()) for party in split.parties}
    return [creator, *sorted(parties)]


def require_parties(creator: str, split: Split) -> None:
    """Refuse a split with one person twice, or with nothing for the creator."""
    people = (creator, *split.parties)
    for place, person in enumerate(people):
        if any(same_person(person, other) for other in people[:place]):
            raise PartiesOverlap(party=person)
    if sum(split.shares_bp) >= BASIS_POINTS:
        raise SharesTooLarge(shares_bp=sum(split.shares_bp))
