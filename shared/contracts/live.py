"""What the live service announces: rooms, and what giving in them leads to."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from .base import Coins, Event, Name, UserId

Title = Annotated[str, Field(max_length=120)]
Room = Annotated[str, Field(min_length=1, max_length=64)]
Counted = Annotated[int, Field(strict=True, ge=0)]
Revision = Annotated[int, Field(strict=True, ge=1)]


class StreamEvent(Event):
    """Something that happened to one stream: a room from its opening to its closing."""

    subject_field = "stream"
    partition_field = "room"

    stream: UUID
    room: Room
    creator: UserId
    title: Title | None = None
    opened_at: AwareDatetime


class RoomOpened(StreamEvent):
    """A creator went live."""

    name = "live.room_opened"


class RoomClosed(StreamEvent):
    """The stream is over; the totals are those of its gifts so far, less what was reversed."""

    name = "live.room_closed"

    closed_at: AwareDatetime
    gifts: Counted
    coins: Counted
    gifters: Counted


class GoalReached(Event):
    """
    A creator's goal has all its coins.

    Money that is taken back can lower a goal again; each time it is reached counts one `revision`.
    """

    name = "live.goal_reached"
    subject_field = "goal"
    partition_field = "creator"
    discriminator_fields = ("revision",)

    goal: UUID
    revision: Revision
    creator: UserId
    # Of a goal for one room; an income goal counts what is given anywhere.
    room: Room | None = None
    title: Title
    target_coins: Coins
    progress_coins: Coins
    contributors: Counted


class LevelReached(Event):
    """
    A viewer's level changed: by gifts upwards, by reversals downwards.

    Keep what the highest `revision` says.
    """

    name = "live.level_reached"
    subject_field = "viewer"
    partition_field = "viewer"
    discriminator_fields = ("revision",)

    viewer: UserId
    revision: Revision
    level: Counted
    previous_level: Counted
    # What the viewer has given in all, less what was reversed.
    given_coins: Counted


class FirstGift(Event):
    """A viewer gave to a creator for the first time: somebody to greet."""

    name = "live.first_gift"
    subject_field = "gift"
    partition_field = "creator"

    gift: UUID
    viewer: UserId
    creator: UserId
    room: Room | None = None
    gift_type: Name
    coins: Coins


class PerkEvent(Event):
    """Something that happened to one viewer's claim to one perk of a creator."""

    subject_field = "entitlement"
    partition_field = "creator"
    discriminator_fields = ("revision",)

    entitlement: UUID
    revision: Revision
    perk: UUID
    viewer: UserId
    creator: UserId
    # `shout_out`, `behind_the_scenes`, `exclusive_chat` or `custom`.
    kind: Name
    title: Title
    threshold_coins: Coins


class PerkUnlocked(PerkEvent):
    """A viewer has given enough for a perk, and may claim it."""

    name = "live.perk_unlocked"


class PerkWithdrawn(PerkEvent):
    """Money behind the gifts was taken back before the perk was used: it can no longer be."""

    name = "live.perk_withdrawn"


class GifterThanked(Event):
    """A creator thanked a viewer for a gift, for the whole room to see."""

    name = "live.gifter_thanked"
    subject_field = "gift"
    partition_field = "room"

    gift: UUID
    viewer: UserId
    creator: UserId
    room: Room
    message: Annotated[str, Field(max_length=80)] | None = None


EVENTS: tuple[type[Event], ...] = (
    RoomOpened,
    RoomClosed,
    GoalReached,
    LevelReached,
    FirstGift,
    PerkUnlocked,
    PerkWithdrawn,
    GifterThanked,
)
