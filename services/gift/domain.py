"""
What may be given. Pure: no database, no broker, no clock.

A gift is asked for, then sent or refused; only the wallet decides which, and it decides once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.errors import Kind, Refusal


class UnknownGift(Refusal):
    """There is no such gift in the catalogue."""

    kind = Kind.NOT_FOUND


class NoSuchGift(Refusal):
    """You have not sent such a gift."""

    kind = Kind.NOT_FOUND


class GiftToSelf(Refusal):
    """Nobody can send a gift to themselves."""

    kind = Kind.INVALID


class CountTooLarge(Refusal):
    """So many of this gift cannot be sent at once."""

    kind = Kind.INVALID


class PriceChanged(Refusal):
    """The gift has another price now; look at it and ask again."""

    kind = Kind.CONFLICT


class InsufficientCoins(Refusal):
    """The wallet holds fewer coins than the gift costs."""

    kind = Kind.PAYMENT


class TooLate(Refusal):
    """The gift was asked for too long ago; it was not sent and cost nothing."""

    kind = Kind.CONFLICT


class WalletRefused(Refusal):
    """The wallet would not pay for this gift."""

    kind = Kind.FORBIDDEN


class UnknownOutcome(Refusal):
    """The wallet answered about a gift nobody here asked for."""

    kind = Kind.NOT_FOUND


class ReversedUnsent(Refusal):
    """The wallet reversed coins of a gift that was never sent."""

    kind = Kind.CONFLICT


class LimitExceeded(Refusal):
    """This would be more than your spending limit allows."""

    kind = Kind.FORBIDDEN


class State(StrEnum):
    """Where a gift stands; the last two are final."""

    REQUESTED = "requested"
    SENT = "sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class GiftType:
    """An entry of the catalogue; `id` never changes, the name is for showing."""

    id: str
    name: str
    description: str
    price_coins: int
    tier: str
    type: str
    category: str
    batch_counts: tuple[int, ...]
    count_max: int
    sort: int

    def __post_init__(self) -> None:
        assert self.price_coins > 0
        assert self.count_max > 0
        assert self.type in {"streak", "single"}


@dataclass(frozen=True, slots=True)
class Wish:
    """A gift somebody wants to send, checked against the catalogue."""

    viewer: str
    creator: str
    room: str | None
    gift_type: GiftType
    count: int
    message: str | None
    anonymous: bool

    @property
    def coins(self) -> int:
        return self.gift_type.price_coins * self.count


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift as it is remembered. `slices` and `refusal` are what the wallet said, as JSON."""

    viewer: str
    id: UUID
    creator: str
    room: str | None
    gift_type: str
    count: int
    price_coins: int
    coins: int
    message: str | None
    anonymous: bool
    state: State
    attempt: int
    requested_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    correlation_id: str
    refusal: Mapping[str, Any] | None = None
    paid_at: datetime | None = None
    # Coins whose money was taken back, and how many facts that led to.
    reversed_coins: int = 0
    reversal_facts: int = 0
    age_verified: int | None = None


class Catalogue:
    """The gifts on offer."""

    def __init__(self, gift_types: tuple[GiftType, ...]) -> None:
        self.gift_types = tuple(sorted(gift_types, key=lambda gift_type: gift_type.sort))
        self._by_id = {gift_type.id: gift_type for gift_type in gift_types}
        assert len(self._by_id) == len(gift_types), "a gift's id is used twice"

    def find(self, gift_type: str) -> GiftType | None:
        return self._by_id.get(gift_type)

    def wish(
        self,
        *,
        viewer: str,
        creator: str,
        room: str | None,
        gift_type: str,
        count: int,
        message: str | None,
        anonymous: bool,
        expected_price_coins: int | None,
    ) -> Wish:
        """Check what can be checked before any coin is asked for, or raise why not."""
        known = self.find(gift_type)
        if known is None:
            raise UnknownGift(gift_type=gift_type)
        if viewer == creator:
            raise GiftToSelf
        if count > known.count_max:
            raise CountTooLarge(count_max=known.count_max)
        if expected_price_coins not in (None, known.price_coins):
            raise PriceChanged(price_coins=known.price_coins)
        return Wish(viewer, creator, room, known, count, message, anonymous)


def refusal_of(gift: Gift) -> Refusal:
    """Turn what the wallet said into what the viewer is told."""
    assert gift.refusal is not None
    reason, shortfall = gift.refusal["reason"], gift.refusal["shortfall_coins"]
    if reason == InsufficientCoins.code():
        return InsufficientCoins(
            gift=gift.id,
            needed_coins=gift.coins,
            shortfall_coins=shortfall,
            balance_coins=gift.refusal["balance_coins"],
            packages=f"/v1/packages?covering={shortfall}",
        )
    if reason == LimitExceeded.code():
        return LimitExceeded(gift=gift.id, **(gift.refusal.get("limit_hit") or {}))
    if reason == TooLate.code():
        return TooLate(gift=gift.id)
    return WalletRefused(gift=gift.id, reason=reason)
