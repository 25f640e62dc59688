"""
Of what a payout was: available diamonds leave in the order in which they became available.

Count the diamonds that ever became available, one by one, and those that ever left. A payout that
finds so many gone before it takes the diamonds of the same places. Both counts are sums of entries
up to the payout's own: the answer is the same for ever, and no diamond is in two payouts at once.

Diamonds that are taken back after they became available leave in this order, too: one diamond of
an account is like another. Diamonds that a payout gave back are of what that payout was.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.money import Rounding, prorate


class Source(StrEnum):
    """What brought diamonds."""

    GIFT = "gift"
    BONUS = "bonus"
    ADJUSTMENT = "adjustment"
    OTHER = "other"


SOURCE_OF_KIND = {"adjustment": Source.ADJUSTMENT, "bonus": Source.BONUS}


@dataclass(frozen=True, slots=True)
class Reserved:
    """Where a payout's diamonds stand: in its entry, after so many that had left before."""

    number: int
    diamonds: int
    left_before: int


@dataclass(frozen=True, slots=True)
class Credit:
    """Diamonds that became available with one entry: `until` counts all up to it."""

    number: int
    kind: str
    reference: str | None
    gift: UUID | None
    diamonds: int
    until: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some diamonds and what brought them; of a gift also its slice, and the lot that paid it."""

    source: Source
    diamonds: int
    gift: UUID | None = None
    slice: int | None = None
    lot: UUID | None = None
    lot_kind: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """What of a payout one source brought; `net_minor` arrived, `fee_minor` was kept."""

    source: Source
    lot_kind: str | None
    gifts: int
    diamonds: int
    net_minor: int
    fee_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.fee_minor

    @property
    def voluntary(self) -> bool:
        """Whether it was given without being owed: a gift buys nothing, in no gift type."""
        return self.source is Source.GIFT


def taken_of(
    available: Iterable[Credit], start: int, end: int
) -> Iterator[tuple[Credit, int, int]]:
    """Yield each credit with how many of its diamonds stay before the first taken, and how many."""
    for credit in available:
        begins = credit.until - credit.diamonds
        first, last = max(start, begins), min(end, credit.until)
        if first < last:
            yield credit, first - begins, last - first


def cut(parts: Iterable[Part], skip: int, take: int) -> Iterator[tuple[Part, int]]:
    """Yield the parts in which diamonds lie, counted from the first, and how many in each."""
    begins = 0
    for part in parts:
        first, last = max(skip, begins), min(skip + take, begins + part.diamonds)
        if first < last:
            yield part, last - first
        begins += part.diamonds


def certificate_lines(
    parts: Iterable[Part], *, net_minor: int, fee_minor: int
) -> Sequence[CertificateLine]:
    """
    Sum parts up by what brought them, and split the money in proportion to the diamonds.

    Each sum is a difference of two cumulative shares, so that no cent is lost between the lines.
    """
    diamonds: dict[tuple[Source, str | None], int] = {}
    gifts: dict[tuple[Source, str | None], set[UUID]] = {}
    for part in parts:
        key = part.source, part.lot_kind
        diamonds[key] = diamonds.get(key, 0) + part.diamonds
        gifts.setdefault(key, set()).update(() if part.gift is None else (part.gift,))
    order = list(Source)
    whole, so_far = sum(diamonds.values()), 0
    lines = []
    for key in sorted(diamonds, key=lambda key: (order.index(key[0]), key[1] or "")):
        before, so_far = so_far, so_far + diamonds[key]
        net, fee = (
            prorate(minor, so_far, whole, Rounding.DOWN)
            - prorate(minor, before, whole, Rounding.DOWN)
            for minor in (net_minor, fee_minor)
        )
        lines.append(CertificateLine(*key, len(gifts[key]), diamonds[key], net, fee))
    return lines
