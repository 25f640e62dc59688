"""What a room's feed shows, and how many feeds one person may follow."""

from enum import StrEnum

from shared.errors import Kind, Refusal

# Of one instance: tabs, an overlay or two, and broken connections that are not closed yet.
FEEDS_MAX = 16


class EntryKind(StrEnum):
    """The kinds of entries; each is an event name of the stream."""

    GIFT = "gift"
    COMBO = "combo"
    REVERSAL = "reversal"
    FIRST_GIFT = "first_gift"
    LEVEL = "level"
    GOAL = "goal"
    PERK = "perk"
    THANKS = "thanks"
    ROOM = "room"
    MESSAGE = "message"


class TooManyFeeds(Refusal):
    """You follow as many feeds as one person can; end one first."""

    kind = Kind.LIMITED
