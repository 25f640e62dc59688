"""Events of the live service: rooms, and what giving in them leads to."""

from typing import Annotated

from pydantic import Field

from .base import (
    Coins,
    CoinsOrNone,
    CreatorId,
    EntitlementId,
    Event,
    GiftId,
    GiftType,
    GoalId,
    Moment,
    Name,
    PerkId,
    Revision,
    Room,
    StreamId,
    UserId,
    like,
    number,
)
from .erasures import LiveDataErased

Title = Annotated[str, Field(max_length=120)]
Level = Annotated[int, number("levels", 3, 2, ge=0)]
Guests = Annotated[tuple[CreatorId, ...], like(["tomas"], [])]


class StreamEvent(Event):
    """Something that happened to one stream: a room from its opening to its closing."""

    subject_field = "stream"
    partition_field = "room"

    stream: StreamId
    """The stream; the next opening of the room is another one."""
    room: Room
    """The room that is streamed in."""
    creator: CreatorId
    """Who opened the room: the `sub` of the creator's token."""
    title: Annotated[Title, like("Songs by the sea")] | None = None
    """What the creator calls it, as written: escape it before showing it."""
    opened_at: Moment
    """When the room was opened. UTC."""
    revision: Revision | None = None
    """
    Counts the changes of the room: its openings, closings and guests, and another owner.

    Each event says all that is so: keep what the highest revision says. Null of older events.
    """
    guests: Guests | None = None
    """Who is a guest in the room now; null of older events."""


class RoomOpened(StreamEvent):
    """A creator went live."""

    name = "live.room_opened"


class RoomClosed(StreamEvent):
    """The stream is over; the totals are those of its gifts so far, less what was reversed."""

    name = "live.room_closed"

    closed_at: Annotated[Moment, like("2026-11-23T13:30:00Z")]
    """When the room was closed. UTC."""
    gifts: Annotated[int, number("gifts", 120, 3, ge=0)]
    """How many gifts were sent in it."""
    coins: CoinsOrNone
    """What they cost in all, less what was reversed since, in coins."""
    gifters: Annotated[int, number("viewers", 40, 2, ge=0)]
    """How many viewers gave, those who are not named left out."""


class GuestEvent(Event):
    """
    A creator came to a room as a guest of its owner, or left.

    It says all that is so of the room: keep what the highest `revision` says.
    """

    subject_field = "room"
    partition_field = "room"
    discriminator_fields = ("revision",)

    room: Room
    """The room."""
    revision: Revision
    """Counts the changes of the room, in one sequence with its openings and closings."""
    creator: CreatorId
    """Who owns the room."""
    guest: Annotated[CreatorId, like("tomas")]
    """Who came, or left."""
    guests: Guests
    """All guests of the room from now on."""
    stream: StreamId | None = None
    """The stream that goes on in the room; null while it is not open."""
    opened_at: Moment | None = None
    """When that stream began; null while the room is not open. UTC."""


class GuestJoined(GuestEvent):
    """A creator is a guest in a room from now on."""

    name = "live.guest_joined"

    joined_at: Annotated[Moment, like("2026-11-23T12:30:00Z")]
    """When they came. UTC."""


class GuestLeft(GuestEvent):
    """A creator is no guest in a room any more."""

    name = "live.guest_left"

    left_at: Annotated[Moment, like("2026-11-23T13:00:00Z")]
    """When they left. UTC."""


class GoalReached(Event):
    """
    A creator's goal has all its coins.

    Money that is taken back can lower a goal again; each time it is reached counts one `revision`.
    """

    name = "live.goal_reached"
    subject_field = "goal"
    partition_field = "creator"
    discriminator_fields = ("revision",)

    goal: GoalId
    """The goal."""
    revision: Revision
    """How often it has been reached, this time included."""
    creator: CreatorId
    """Whose goal it is."""
    room: Room | None = None
    """The room whose gifts count; null for an income goal, which counts what is given anywhere."""
    title: Annotated[Title, like("A new microphone")]
    """What it is for, as the creator wrote it: escape it before showing it."""
    target_coins: Coins
    """What had to come together, in coins."""
    progress_coins: Coins
    """What has, in coins: at least the target."""
    contributors: Annotated[int, number("viewers", 12, 1, ge=0)]
    """How many viewers gave towards it, those who are not named left out."""


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
    """Whose level it is."""
    revision: Revision
    """How often the viewer's level has changed."""
    level: Level
    """The level from now on: 0 to 50."""
    previous_level: Annotated[Level, like(2, 3)]
    """The level until now."""
    given_coins: CoinsOrNone
    """What the viewer has given in all rooms, less what was reversed, in coins."""


class FirstGift(Event):
    """A viewer gave to a creator for the first time, and can be greeted."""

    name = "live.first_gift"
    subject_field = "gift"
    partition_field = "creator"

    gift: GiftId
    """The gift."""
    viewer: UserId
    """Who gave for the first time."""
    creator: CreatorId
    """Who was given to."""
    room: Room | None = None
    """The room it was given in; null for a gift outside any room."""
    gift_type: GiftType
    """The catalogue's immutable id."""
    coins: Coins
    """What the gift cost, in coins."""


class PerkEvent(Event):
    """Something that happened to one viewer's claim to one perk of a creator."""

    subject_field = "entitlement"
    partition_field = "creator"
    discriminator_fields = ("revision",)

    entitlement: EntitlementId
    """The claim: check it before you honour it."""
    revision: Revision
    """How often it has come or gone; keep what the highest says."""
    perk: PerkId
    """The perk that is claimed."""
    viewer: UserId
    """Whose claim it is."""
    creator: CreatorId
    """Who grants the perk."""
    kind: Annotated[Name, like("shout_out", "behind_the_scenes", "exclusive_chat", "custom")]
    """What kind of perk: `shout_out`, `behind_the_scenes`, `exclusive_chat` or `custom`."""
    title: Annotated[Title, like("Your name in the next song")]
    """What it is, as the creator wrote it: escape it before showing it."""
    threshold_coins: Coins
    """What had to be given to the creator for it, in coins."""


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

    gift: GiftId
    """The gift that is thanked for, once."""
    viewer: UserId
    """Who is thanked."""
    creator: CreatorId
    """Who thanks."""
    room: Room
    """The room that sees it."""
    message: Annotated[str, Field(max_length=80), like("You made my day!")] | None = None
    """The creator's words, as written: escape them before showing them."""


EVENTS: tuple[type[Event], ...] = (
    RoomOpened,
    RoomClosed,
    GuestJoined,
    GuestLeft,
    GoalReached,
    LevelReached,
    FirstGift,
    PerkUnlocked,
    PerkWithdrawn,
    GifterThanked,
    LiveDataErased,
)
