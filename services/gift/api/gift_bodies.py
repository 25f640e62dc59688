"""What viewers say of a gift, and what they are told of it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from services.gift.domain.creators import MessageState
from services.gift.domain.gifts import (
    State,
)
from shared.contracts.base import in_unit, like
from shared.http import (
    PRINTABLE,
    Name,
)
from shared.http.bodies import Body
from shared.http.fields import (
    Coins,
    ComboId,
    CreatorId,
    CreatorName,
    GiftId,
    GiftTypeId,
    Instant,
    RoomName,
    ViewerName,
)
from shared.identity.tokens import (
    TOKEN_BYTES_MAX,
)

Signed = Annotated[str, Field(max_length=TOKEN_BYTES_MAX, pattern=r"^[A-Za-z0-9._-]+$")]


class SendGiftRequest(Body):
    """
    The gift a viewer wants to send.

    `expected_price_coins` guards against a price change, `confirm` against a slip of the finger:
    a gift of 10,000 coins or more is not sent without it. `target_token` is the host's signed word
    that this creator may be given to, in a room of the host's own or outside of any.
    """

    model_config = ConfigDict(extra="forbid")

    gift_type: Annotated[Name, like("g_tea")]
    """What to send: `gift_type` of an item of `GET /v1/catalogue`."""
    creator: CreatorId
    """Who gets it: the `sub` of their token. In a room it is the room's creator or a guest."""
    room: Annotated[Name, like("room-1")] | None = None
    """
    The room in which it is sent and shown. Null for a gift outside any room, which needs a
    `target_token` unless the operator allows gifts to anybody.
    """
    count: Annotated[int, Field(strict=True, ge=1, le=999, examples=[20])] = 1
    """
    How many pieces, at most `count_max` of the catalogue's item. The gift costs the price of one
    times this.
    """
    message: (
        Annotated[str, Field(max_length=80, pattern=PRINTABLE, examples=["For the encore!"])] | None
    ) = None
    """
    What the viewer writes to go with it, one line. Null for no words. The creator may hold it until
    they approve it.
    """
    anonymous: Annotated[bool, Field(strict=True)] = False
    """Whether the room does not see who sent it. The creator does not see it either; ledgers do."""
    expected_price_coins: Annotated[int, Field(strict=True, ge=1, examples=[5])] | None = None
    """
    The price of one piece that the viewer saw. If it is another one by now, the gift is refused
    (`price-changed`). Null takes whatever the price is.
    """
    # Not of the request's hash: a confirmation repeats the same request, under the same key.
    confirm: Annotated[bool, Field(strict=True, exclude=True)] = False
    """
    The viewer has confirmed this gift. One of 10,000 coins or more is refused without it
    (`confirmation-required`); repeat the request with the same key.
    """
    # Nor is this: who repeats a request may have been given another one meanwhile.
    target_token: Annotated[
        Signed | None,
        Field(exclude=True, examples=[None, "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJsZWEifQ.c2ln"]),
    ] = None
    """
    A token that the host application signs to say that this creator may be given to. Null where the
    creator is in the open room.
    """


class GiftResponse(Body):
    """
    A gift as its viewer sees it; `sent` and `refused` are final.

    `repeat_count` and `combo_coins` are what its combo came to with it: show them, sum `coins`.
    `message_state` says who sees its message, if it was decided about or waits for that.
    """

    gift: GiftId
    state: Annotated[State, like("sent")]
    """
    How far the gift has come. `requested` waits for the wallet, and nothing is taken yet. `sent` is
    paid, `refused` cost nothing; neither changes again.
    """
    viewer: ViewerName
    creator: CreatorName
    room: RoomName | None
    """The room in which it was sent; null for a gift outside any room."""
    gift_type: Annotated[GiftTypeId, like("g_tea")]
    count: Annotated[int, in_unit("gifts", 20)]
    """How many pieces of the gift type this gift holds."""
    price_coins: Annotated[Coins, like(5)]
    """The price of one piece when the gift was requested, in coins."""
    coins: Coins
    """What the gift costs in all, in coins: `price_coins` times `count`."""
    message: Annotated[str, like("For the encore!")] | None
    """
    What the viewer wrote, as written: escape it before you show it. Null if nothing was written;
    see `message_state` for whether others see it.
    """
    anonymous: bool
    """Whether the viewer asked not to be named to the room."""
    requested_at: Instant
    """When the viewer asked for it."""
    settled_at: Annotated[Instant, like("2026-11-23T12:00:01Z")] | None
    """When it became `sent` or `refused`; null while it is `requested`."""
    reversed_coins: Annotated[Coins, like(0)] = 0
    """
    How many of its coins have no money behind them now, because their payment was charged back. It
    falls again if the bank returns the money.
    """
    reason: Annotated[str | None, like(None, "insufficient-coins")] = None
    """
    Why it was refused, the code of the problem that the request was answered with; null unless it
    was.
    """
    mode: Annotated[str, like("streak", "single")] | None = None
    """
    Whether gifts of this type join combos (`streak`) or stand alone (`single`), as the catalogue
    had it when it was requested. Null for gifts older than this field.
    """
    combo: ComboId | None = None
    """The combo that it belongs to; null if it stands alone."""
    repeat_count: Annotated[int, in_unit("gifts", 20)] | None = None
    """
    How many pieces its combo had with it: a running total to show, never to sum. Null without a
    combo.
    """
    combo_coins: Coins | None = None
    """
    What its combo had cost with it, in coins: a running total to show, never to sum. Null without a
    combo.
    """
    message_state: Annotated[MessageState, like("shown")] | None = None
    """
    Who sees its message: the creator alone until they decide (`held`), everybody (`shown`), or
    nobody, for good (`removed`). Null without a message, and for a message that needed no approval:
    everybody sees it.
    """


class GiftList(Body):
    items: list[GiftResponse]
    """Those of the requested gifts that the viewer sent; a gift that is not found is left out."""


class Books(Body):
    """How many gifts stand where, and what the sent ones cost."""

    requested: Annotated[int, in_unit("gifts", 3)]
    """How many gifts wait for the wallet now."""
    sent: Annotated[int, in_unit("gifts", 1_200)]
    """How many gifts were ever sent."""
    refused: Annotated[int, in_unit("gifts", 41)]
    """How many gifts were ever refused."""
    coins_sent: Annotated[Coins, like(480_000)]
    """
    What the sent gifts cost in all, in coins. The wallet's `spent_coins` is the same once nothing
    waits.
    """
    coins_reversed: Annotated[Coins, like(2_500)]
    """How many of those coins have no money behind them now, because it was charged back."""
