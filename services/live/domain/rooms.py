"""Who a room belongs to, and when it is live."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.errors import Kind, Refusal

GUESTS_MAX = 16


class CreatorsOnly(Refusal):
    """Only a creator may do this."""

    kind = Kind.FORBIDDEN


class RoomOfAnother(Refusal):
    """This room belongs to another creator."""

    kind = Kind.FORBIDDEN


class NoSuchRoom(Refusal):
    """This room belongs to nobody."""

    kind = Kind.NOT_FOUND


class NoSuchStream(Refusal):
    """There is no such stream in this room."""

    kind = Kind.NOT_FOUND


class NotLive(Refusal):
    """This room is not live."""

    kind = Kind.CONFLICT


class TooManyGuests(Refusal):
    """This room has as many guests as it can have."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Stage:
    """A room that a creator opened or was given; without one it was released."""

    room: str
    creator: str | None
    guests: tuple[str, ...] = ()
    openings: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """A room from an opening to the closing that follows."""

    stream: UUID
    room: str
    number: int
    creator: str
    title: str | None
    opened_at: datetime
    closed_at: datetime | None = None

    def was_open_at(self, moment: datetime) -> bool:
        return self.opened_at <= moment and (self.closed_at is None or moment < self.closed_at)


def require_owner(stage: Stage | None, creator: str) -> Stage:
    """Let creators at their own rooms only."""
    if stage is None or stage.creator is None:
        raise NoSuchRoom
    if stage.creator != creator:
        raise RoomOfAnother(room=stage.room)
    return stage
