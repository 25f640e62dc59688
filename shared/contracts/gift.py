"""What the gift service announces: gifts asked for, sent and refused, combos, the catalogue."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from .base import Coins, Event, Name, UserId
from .wallet import Slice

Count = Annotated[int, Field(strict=True, ge=1, le=999)]


class GiftEvent(Event):
    """
    Something that happened to one gift.

    `coins` and `count` are what this gift itself cost and held (the delta); a combo's running
    totals are `repeat_count` and `combo_coins`. Sum the first, show the second.
    """

    subject_field = "gift"
    partition_field = "viewer"

    gift: UUID
    viewer: UserId
    creator: UserId
    room: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    # The catalogue's immutable id; names are translated and prices change.
    gift_type: Name
    count: Count
    coins: Coins
    combo: UUID | None = None


class GiftRequested(GiftEvent):
    """A viewer asked to send a gift; no coin has moved yet. `attempt` counts the asking."""

    name = "gift.requested"
    discriminator_fields = ("attempt",)

    price_coins: Coins
    # Later than this the wallet refuses: a viewer who gave up must not be charged next day.
    expires_at: AwareDatetime
    attempt: Annotated[int, Field(strict=True, ge=1)] = 1
    # What the viewer's token says; not there if it says nothing.
    age_verified: Annotated[int, Field(strict=True, ge=0, le=150)] | None = None


class GiftSent(GiftEvent):
    """The gift is paid and given. Sum `coins` for money; never the running totals."""

    name = "gift.sent"

    slices: tuple[Slice, ...]
    tier: Name | None = None
    # `streak` gifts join combos, `single` ones stand alone.
    mode: Name | None = None
    display_name: Name | None = None
    message: Annotated[str, Field(max_length=80)] | None = None
    anonymous: bool = False
    requested_at: AwareDatetime
    repeat_count: Annotated[int, Field(strict=True, ge=1)] | None = None
    repeat_end: bool | None = None
    combo_coins: Coins | None = None


class ComboEnded(Event):
    """
    A combo is over: nobody added to it for five seconds, and all of its gifts are settled.

    `repeat_count` and `combo_coins` are the totals of what was sent: for showing, as the gifts
    themselves were announced one by one. A combo of which nothing was sent is never announced.
    """

    name = "gift.combo_ended"
    subject_field = "combo"
    partition_field = "viewer"

    combo: UUID
    viewer: UserId
    creator: UserId
    room: Annotated[str, Field(min_length=1, max_length=64)]
    gift_type: Name
    tier: Name | None = None
    display_name: Name | None = None
    anonymous: bool = False
    # How many requests were sent, and how many gifts they held.
    gifts: Annotated[int, Field(strict=True, ge=1)]
    repeat_count: Annotated[int, Field(strict=True, ge=1)]
    combo_coins: Coins
    started_at: AwareDatetime
    ended_at: AwareDatetime


class CatalogueChanged(Event):
    """An operator changed a gift on offer, or added it; `revision` counts its changes."""

    name = "gift.catalogue_changed"
    subject_field = "gift_type"
    partition_field = "gift_type"
    discriminator_fields = ("revision",)

    gift_type: Name
    revision: Annotated[int, Field(strict=True, ge=1)]
    # By language: `en`, `de`.
    names: dict[str, str]
    price_coins: Coins
    price_version: Annotated[int, Field(strict=True, ge=1)]
    tier: Name
    mode: Name
    category: Name
    is_active: bool


class GiftRefused(GiftEvent):
    """The gift will not be given; `reason` is a stable code."""

    name = "gift.refused"

    reason: Name


class ReversalEvent(GiftEvent):
    """
    Coins of one lot that had paid for a gift lost their money, or have it again.

    `reversed_coins` is the total of that lot that stands reversed, not a change: a receiver
    keeps what the highest `revision` of (gift, lot) says, and acts on the difference.
    """

    discriminator_fields = ("lot", "revision")

    lot: UUID
    revision: Annotated[int, Field(strict=True, ge=1)]
    reversed_coins: Annotated[int, Field(strict=True, ge=0)]
    anonymous: bool = False


class GiftReversed(ReversalEvent):
    """More of a gift is reversed; its creator loses what those coins had earned."""

    name = "gift.reversed"


class GiftRestored(ReversalEvent):
    """Less of a gift is reversed; its creator has again what those coins had earned."""

    name = "gift.restored"


EVENTS: tuple[type[Event], ...] = (
    GiftRequested,
    GiftSent,
    GiftRefused,
    ComboEnded,
    CatalogueChanged,
    GiftReversed,
    GiftRestored,
)
