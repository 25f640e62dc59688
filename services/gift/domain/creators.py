"""What creators allow: gifts or none, messages at once or after approval, and whom they block."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal


class NoSuchMessage(Refusal):
    """This creator has no gift with such a message."""

    kind = Kind.NOT_FOUND


class MessageIsRemoved(Refusal):
    """This message was removed for good."""

    kind = Kind.CONFLICT


class BlockOfOneself(Refusal):
    """Nobody can block themselves."""

    kind = Kind.INVALID


class MessageState(StrEnum):
    """Who sees a message; a removed one is never shown again."""

    HELD = "held"
    SHOWN = "shown"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class CreatorRules:
    """What holds for all gifts to a creator."""

    gifts_off: bool = False
    hold_messages: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A viewer whose gifts a creator does not take; without `until` for ever."""

    viewer: str
    until: datetime | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """The message of a gift; an anonymous viewer is not named to its creator."""

    gift: UUID
    viewer: str | None
    room: str | None
    text: str
    state: MessageState
    held_at: datetime | None
