"""Stream sessions: a room from an opening to the closing that follows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.errors import Kind, Refusal


class NoSuchStream(Refusal):
    """There is no such stream in this room."""

    kind = Kind.NOT_FOUND


class NotLive(Refusal):
    """This room is not live."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream session; `number` counts the openings of its room."""

    stream: UUID
    room: str
    number: int
    creator: str
    title: str | None
    opened_at: datetime
    closed_at: datetime | None = None

    def was_open_at(self, moment: datetime) -> bool:
        return self.opened_at <= moment and (self.closed_at is None or moment < self.closed_at)
