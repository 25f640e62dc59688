"""
Events between the parts of the payout service: shares of gifts that several parties earn of.

A transaction is of one part. The part of the creator who received a gift decides its split, and
tells the parts of the other parties. An installation with one part has none of these events.
"""

from typing import Annotated

from .base import (
    BasisPoints,
    CoinsOrNone,
    ComboId,
    CreatorId,
    Event,
    GiftId,
    GiftType,
    LotId,
    Revision,
    Room,
    UserId,
    like,
    number,
)
from .wallet import Slice


class ShareEvent(Event):
    """Something about one party's share of a gift; the subject is the gift."""

    subject_field = "gift"
    partition_field = "creator"

    creator: CreatorId
    """Whose share it is."""
    shared_by: Annotated[CreatorId, like("tomas")]
    """Who received the gift, and shares it."""
    gift: GiftId
    """The gift that is shared."""


class GiftShared(ShareEvent):
    """A party earns a share of a gift; the envelope's `time` says when the gift was sent."""

    name = "payout.gift_shared"
    discriminator_fields = ("creator",)

    viewer: UserId
    """Who gave it, anonymously or not: never show it to the creator."""
    coins: Annotated[int, number("coins", 500, 100, gt=0)]
    """What the whole gift cost, in coins."""
    slices: tuple[Slice, ...]
    """Which coins paid it, by lot; their coins add up to `coins`."""
    shares_bp: tuple[Annotated[BasisPoints, like(3_000)], ...]
    """The shares of the parties in their order, up to this one; in basis points."""
    anonymous: Annotated[bool, like(False, True)] = False
    """The viewer does not want to be named."""
    gift_type: GiftType | None = None
    """What was given: the catalogue's immutable id; null of older events."""
    count: Annotated[int, number("gifts", 1, 5, ge=1, le=999)] | None = None
    """How many pieces of the gift type the gift holds; null of older events."""
    room: Room | None = None
    """The live room it was sent in; null for a gift outside any room, and of older events."""
    combo: ComboId | None = None
    """The combo the gift belongs to; null if it stands alone, and of older events."""


class ShareReversalEvent(ShareEvent):
    """
    Coins of one lot that had paid for a shared gift lost their money, or have it again.

    As in `gift.reversed`: the highest `revision` of (gift, lot) is right, in any order.
    """

    discriminator_fields = ("creator", "lot", "revision")

    lot: LotId
    """The lot whose money was taken back or returned."""
    revision: Revision
    """Counts the changes of the lot: of two events the higher one is right, in any order."""
    reversed_coins: Annotated[CoinsOrNone, like(500, 100, 0)]
    """How many of the gift's coins out of this lot stand reversed now: a total, in coins."""


class ShareReversed(ShareReversalEvent):
    """More of a shared gift is reversed."""

    name = "payout.share_reversed"


class ShareRestored(ShareReversalEvent):
    """Less of a shared gift is reversed."""

    name = "payout.share_restored"
