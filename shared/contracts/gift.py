"""Events of the gift service: gifts and what becomes of them, combos, the catalogue."""

from typing import Annotated

from pydantic import Field

from .base import (
    Coins,
    CoinsOrNone,
    ComboId,
    CreatorId,
    Event,
    GiftId,
    GiftType,
    LotId,
    Moment,
    Name,
    Revision,
    Room,
    UserId,
    like,
    number,
)
from .erasures import ErasureEvent
from .wallet import Slice

Count = Annotated[int, number("gifts", 1, 5, 10, ge=1, le=999)]
RepeatCount = Annotated[int, number("gifts", 3, 4, ge=1)]
Tier = Annotated[Name, like("burst", "spark", "legend")]
Mode = Annotated[Name, like("streak", "single")]
Target = Annotated[Name, like("room", "token", "anybody")]
Message = Annotated[str, Field(max_length=80), like("For the encore!")]


class GiftEvent(Event):
    """
    Something that happened to one gift.

    `coins` and `count` are what this gift itself cost and held (the delta); a combo's running
    totals are `repeat_count` and `combo_coins`. Sum the first, show the second.
    """

    subject_field = "gift"
    partition_field = "viewer"

    gift: GiftId
    """The gift, as `POST /v1/gifts` answered."""
    viewer: UserId
    """Who gives: the `sub` of the viewer's token."""
    creator: CreatorId
    """Who is given to: the `sub` of the creator's token."""
    room: Room | None = None
    """The live room it was sent in; null for a gift outside any room."""
    gift_type: GiftType
    """The catalogue's immutable id: keep this one, for names are translated and prices change."""
    count: Count
    """How many pieces of the gift type this one gift holds."""
    coins: Coins
    """What this gift costs in all, in coins: the price of one piece times `count`."""
    combo: ComboId | None = None
    """The combo the gift belongs to; null if it stands alone."""


class GiftRequested(GiftEvent):
    """A viewer asked to send a gift; no coin has moved yet. `attempt` counts the asking."""

    name = "gift.requested"
    discriminator_fields = ("attempt",)

    price_coins: Coins
    """The price of one piece, in coins."""
    expires_at: Annotated[Moment, like("2026-11-23T12:00:30Z")]
    """Later than this the wallet refuses: who gave up must not be charged next day. UTC."""
    attempt: Annotated[int, number("attempts", 1, 2, ge=1)] = 1
    """How often the wallet has been asked about this gift, this time included."""
    age_verified: Annotated[int, number("years", 34, 18, ge=0, le=150)] | None = None
    """The viewer's age in years, as the token claims it; null if it says nothing."""
    anonymous: Annotated[bool, like(False, True)] | None = None
    """The viewer does not want to be named: do not show `viewer`. Null of older events."""


class GiftSent(GiftEvent):
    """The gift is paid and given. Sum `coins` for money; never the running totals."""

    name = "gift.sent"

    slices: tuple[Slice, ...]
    """Which coins paid it, by lot; their coins add up to `coins`."""
    tier: Tier | None = None
    """How much of a show the gift is: spark, glow, burst, spectacle or legend, by its price."""
    mode: Mode | None = None
    """Whether it joins combos (`streak`) or stands alone (`single`); null of older gifts."""
    display_name: Annotated[Name, like("Pebble Heart", "Clover")] | None = None
    """What the gift type is called in the catalogue, to be shown."""
    message: Annotated[str, Field(max_length=80), like("For the encore!")] | None = None
    """
    What the viewer wrote to go with the gift, as written: escape it before showing it.

    Null as well while a message is held for approval: `gift.message_shown` has it afterwards.
    """
    anonymous: Annotated[bool, like(False, True)] = False
    """The viewer does not want to be named: do not show `viewer`."""
    requested_at: Moment
    """When the viewer asked for the gift. UTC; the envelope's `time` says when it was sent."""
    repeat_count: RepeatCount | None = None
    """How many gifts the combo counts with this one: a running total; null without a combo."""
    repeat_end: Annotated[bool, like(False, True)] | None = None
    """Whether the combo ends with this gift; null without a combo."""
    combo_coins: Annotated[Coins, like(1_500)] | None = None
    """What the combo cost so far, in coins: a running total; null without a combo."""
    target: Target | None = None
    """
    Why the creator may receive it, as checked when the viewer asked.

    `room`: they owned the open room or were a guest in it. `token`: the host's target token named
    them. `anybody`: nothing was checked, as the operator allows. Null of older gifts.
    """


class ComboEnded(Event):
    """
    A combo is over: it did not grow for five seconds, and all of its gifts are decided.

    `repeat_count` and `combo_coins` are the totals of what was sent: for showing, as the gifts
    themselves were published one by one. A combo of which nothing was sent has no event.
    """

    name = "gift.combo_ended"
    subject_field = "combo"
    partition_field = "viewer"

    combo: ComboId
    """The combo; its gifts carry the same id."""
    viewer: UserId
    """Who gave: the `sub` of the viewer's token."""
    creator: CreatorId
    """Who was given to: the `sub` of the creator's token."""
    room: Room
    """The live room it was given in."""
    gift_type: GiftType
    """The catalogue's immutable id of what was given again and again."""
    tier: Tier | None = None
    """How much of a show one gift is: spark, glow, burst, spectacle or legend, by its price."""
    display_name: Annotated[Name, like("Pebble Heart", "Clover")] | None = None
    """What the gift type is called in the catalogue, to be shown."""
    anonymous: Annotated[bool, like(False, True)] = False
    """The viewer does not want to be named: do not show `viewer`."""
    gifts: Annotated[int, number("gifts sent", 3, 20, ge=1)]
    """How many gifts were sent: requests, each of any number of pieces."""
    repeat_count: RepeatCount
    """How many pieces they held in all."""
    combo_coins: Coins
    """What they cost in all, in coins."""
    started_at: Moment
    """When the first of them was asked for. UTC."""
    ended_at: Annotated[Moment, like("2026-11-23T12:00:12Z")]
    """When the combo was found to be over. UTC."""
    target: Target | None = None
    """Why the creator may receive its first gift, as in `gift.sent`; null of older combos."""


class CatalogueChanged(Event):
    """An operator changed a gift on offer, or added it."""

    name = "gift.catalogue_changed"
    subject_field = "gift_type"
    partition_field = "gift_type"
    discriminator_fields = ("revision",)

    gift_type: GiftType
    """The catalogue's immutable id."""
    revision: Revision
    """How often this gift type was changed, its making included."""
    names: Annotated[dict[str, str], like({"en": "Pebble Heart", "de": "Kieselherz"})]
    """What it is called, by language (BCP 47)."""
    price_coins: Coins
    """What one piece costs from now on, in coins."""
    price_version: Annotated[int, number("prices so far", 1, 2, ge=1)]
    """How many prices it has had, this one included."""
    tier: Tier
    """How much of a show it is: spark, glow, burst, spectacle or legend, by its price."""
    mode: Mode
    """Whether it joins combos (`streak`) or stands alone (`single`)."""
    category: Annotated[Name, like("popular", "music")]
    """Under what heading the panel shows it."""
    is_active: Annotated[bool, like(True, False)]
    """Whether it can be given; a gift type is never deleted."""


class GiftRefused(GiftEvent):
    """The gift will not be given; `reason` is a stable code."""

    name = "gift.refused"

    reason: Annotated[Name, like("insufficient-coins", "limit-exceeded", "too-late")]
    """Why, as the stable code that the viewer's app also got. No coins moved."""
    anonymous: Annotated[bool, like(False, True)] | None = None
    """The viewer does not want to be named: do not show `viewer`. Null of older events."""


class ReversalEvent(GiftEvent):
    """
    Coins of one lot that had paid for a gift lost their money, or have it again.

    `reversed_coins` is the total of that lot that stands reversed, not a change: a receiver
    keeps what the highest `revision` of (gift, lot) says, and acts on the difference. A revision
    may be announced after a newer one, with a higher `sequence`: compare revisions only.
    """

    discriminator_fields = ("lot", "revision")

    lot: LotId
    """The lot whose money was taken back or returned."""
    revision: Revision
    """Counts the changes of the lot: of two events the higher one is right, in any order."""
    reversed_coins: Annotated[CoinsOrNone, like(500, 100, 0)]
    """How many of the gift's coins out of this lot stand reversed now: a total, in coins."""
    anonymous: Annotated[bool, like(False, True)] = False
    """As in `gift.sent`: the viewer does not want to be named."""


class GiftReversed(ReversalEvent):
    """More of a gift is reversed; its creator loses what those coins had earned."""

    name = "gift.reversed"


class GiftRestored(ReversalEvent):
    """Less of a gift is reversed; its creator has again what those coins had earned."""

    name = "gift.restored"


class MessageEvent(Event):
    """
    A decision about the message of a gift that was sent.

    Keep what the highest `revision` says. The message in `gift.sent` counts as revision 0.
    """

    subject_field = "gift"
    partition_field = "viewer"
    discriminator_fields = ("revision",)

    gift: GiftId
    """The gift that the message goes with."""
    revision: Revision
    """Counts the decisions about this message: the higher one is right, in any order."""
    viewer: UserId
    """Who wrote it: the `sub` of the viewer's token."""
    creator: CreatorId
    """Who was given to, and decides about it."""
    room: Room | None = None
    """The live room the gift was sent in; null for a gift outside any room."""
    anonymous: Annotated[bool, like(False, True)] = False
    """As in `gift.sent`: the viewer does not want to be named."""


class MessageHeld(MessageEvent):
    """A message waits for its creator's approval; show nothing of it."""

    name = "gift.message_held"


class MessageShown(MessageEvent):
    """A message that was held is approved: show it with its gift."""

    name = "gift.message_shown"

    message: Message
    """What the viewer wrote, as written: escape it before showing it."""


class MessageRemoved(MessageEvent):
    """A message is removed for good; stop showing it."""

    name = "gift.message_removed"


class ErasureRequested(ErasureEvent):
    """A person asks to be erased: each service with money says whether theirs is settled."""

    name = "gift.erasure_requested"

    forfeit: Annotated[bool, like(False, True)]
    """The person gives up the coins and diamonds that are left."""


class UserErased(ErasureEvent):
    """
    A person is erased: delete what they wrote, and what names them besides `user`.

    It is true for ever, also of what you receive later.
    """

    name = "gift.user_erased"

    erased_at: Annotated[Moment, like("2026-11-23T12:00:30Z")]
    """When it was decided. UTC."""
    forfeit: Annotated[bool, like(False, True)] | None = None
    """The person gave up the coins and diamonds that were left; null in events before 1.1."""


EVENTS: tuple[type[Event], ...] = (
    GiftRequested,
    GiftSent,
    GiftRefused,
    ComboEnded,
    CatalogueChanged,
    GiftReversed,
    GiftRestored,
    MessageHeld,
    MessageShown,
    MessageRemoved,
    ErasureRequested,
    UserErased,
)
