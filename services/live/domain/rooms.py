"""Who a room belongs to, and who is a guest in it."""

from dataclasses import dataclass

from shared.errors import Kind, Refusal

GUESTS_MAX = 16


class CreatorsOnly(Refusal):
    """Only a creator may do this."""

    kind = Kind.FORBIDDEN


class RoomOfAnother(Refusal):
    """This room belongs to another creator."""

    kind = Kind.FORBIDDEN


class NoSuchRoom(Refusal):
    """This room has no owner."""

    kind = Kind.NOT_FOUND


class TooManyGuests(Refusal):
    """This room has as many guests as it can have."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Ownership:
    """A room that a creator opened or was given; without a creator it was released."""

    room: str
    creator: str | None
    guests: tuple[str, ...] = ()
    openings: int = 0
    revision: int = 0


def require_owner(ownership: Ownership | None, creator: str) -> Ownership:
    """Refuse creators who do not own the room."""
    if ownership is None or ownership.creator is None:
        raise NoSuchRoom
    if ownership.creator != creator:
        raise RoomOfAnother(room=ownership.room)
    return ownership
