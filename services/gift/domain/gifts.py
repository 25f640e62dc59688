"""A gift is asked for, then sent or refused; only the wallet decides which, and decides once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any
from uuid import UUID

from services.gift.domain.creators import MessageState
from shared.errors import Kind, Refusal
from shared.identity.ages import AgeUnknown, TooYoung


class NoSuchGift(Refusal):
    """You have not sent such a gift."""

    kind = Kind.NOT_FOUND


class InsufficientCoins(Refusal):
    """The wallet holds fewer coins than the gift costs."""

    kind = Kind.PAYMENT


# Keys under which Tencent's callbacks keep a viewer's gifts.
TENCENT_KEYS = "tencent:"


class KeyReserved(Refusal):
    """Idempotency keys that begin like this are kept for gifts that come another way."""

    kind = Kind.INVALID


class SettledBefore(Refusal):
    """What this repeats was settled too long ago to be answered again."""

    kind = Kind.CONFLICT


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftDetails:
    """
    What a viewer says of a gift.

    Each field travels by its name, from a request's body to a gift's row: a column has the same
    name. A new field has a default, because not every way to send a gift knows it.
    """

    viewer: str
    creator: str
    room: str | None = None
    gift_type: str
    count: int = 1
    message: str | None = None
    anonymous: bool = False


DETAILS = tuple(field.name for field in fields(GiftDetails))
_read_details = attrgetter(*DETAILS)


def details_of(gift: GiftDetails) -> dict[str, Any]:
    """Return what the viewer said, by the names of the fields."""
    return dict(zip(DETAILS, _read_details(gift), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift(GiftDetails):
    """A gift as it is remembered. `slices` and `refusal` are what the wallet said, as JSON."""

    id: UUID
    price_coins: int
    coins: int
    state: State
    attempt: int
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    correlation_id: str
    refusal: Mapping[str, Any] | None = None
    paid_at: datetime | None = None
    # Coins whose money was taken back, and how many facts that led to.
    reversed_coins: int = 0
    reversal_facts: int = 0
    age_verified: int | None = None
    # As the catalogue had it when the gift was asked for; unknown of very old ones.
    mode: str | None = None
    combo: UUID | None = None
    # What its combo came to with this gift.
    repeat_count: int | None = None
    combo_coins: int | None = None
    # Why its creator may receive it; unknown of older ones.
    target: str | None = None
    # Without a state its message was never decided about.
    message_state: MessageState | None = None
    message_revision: int = 0

    @property
    def sent_message(self) -> str | None:
        """
        The message as `gift.sent` has it, whenever that is said.

        One that was approved after the gift was sent has a fact of its own, and one that was
        removed is not said again.
        """
        is_shown = self.message_state in (None, MessageState.SHOWN)
        return self.message if is_shown and self.message_revision == 0 else None

    @property
    def version(self) -> int:
        """How many facts were announced of it, the outcome and what came after it included."""
        return self.attempt + 1 + self.reversal_facts + self.message_revision


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
    for same in (TooLate, AgeUnknown, TooYoung):
        if reason == same.code():
            return same(gift=gift.id)
    return WalletRefused(gift=gift.id, reason=reason)
