"""How much a creator can set up in a time, and how many rooms they can have."""

from dataclasses import dataclass

from shared.errors import Kind, Refusal
from shared.quotas.rules import DAY, Quota

ROOM_CLAIMS = Quota("room-claims", 20, DAY)
STREAMS = Quota("streams", 200, DAY)
GUESTS = Quota("guests", 1_000, DAY)
# A removed goal or perk is kept: an idempotency key names it.
GOALS = Quota("goals", 100, DAY)
GOAL_CHANGES = Quota("goal-changes", 500, DAY)
PERKS = Quota("perks", 50, DAY)
PERK_CHANGES = Quota("perk-changes", 200, DAY)
ENTITLEMENT_USES = Quota("entitlement-uses", 5_000, DAY)


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How many rooms a creator can have: settings of the operator."""

    # Live at a time: all creators share the list of live rooms.
    open_max: int = 5
    # Owned for ever: a name that is taken is not free for others.
    owned_max: int = 100


class TooManyOpenRooms(Refusal):
    """A creator can be live in so many rooms at a time; close one first."""

    kind = Kind.CONFLICT


class TooManyRooms(Refusal):
    """A creator can own so many rooms; an operator can release one."""

    kind = Kind.CONFLICT
