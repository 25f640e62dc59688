"""What creators give in return to those who gave them enough."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from shared.errors import Kind, Refusal

PERKS_MAX = 20


class PerkKind(Enum):
    SHOUT_OUT = "shout_out"
    BEHIND_THE_SCENES = "behind_the_scenes"
    EXCLUSIVE_CHAT = "exclusive_chat"
    CUSTOM = "custom"


class NoSuchPerk(Refusal):
    """There is no such perk."""

    kind = Kind.NOT_FOUND


class TooManyPerks(Refusal):
    """A creator can have so many perks; remove one first."""

    kind = Kind.CONFLICT


class NoSuchEntitlement(Refusal):
    """There is no such entitlement."""

    kind = Kind.NOT_FOUND


class PerkWithdrawn(Refusal):
    """The gifts behind this entitlement lost their money: it cannot be used."""

    kind = Kind.CONFLICT


class UsedUp(Refusal):
    """This entitlement has been used as often as it could be."""

    kind = Kind.CONFLICT


class NoSuchGift(Refusal):
    """There is no such gift in this room."""

    kind = Kind.NOT_FOUND


class ThankedAlready(Refusal):
    """This gift was thanked for already."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Perk:
    """What a creator offers to who gave them `threshold_coins` in all; `uses` None is no limit."""

    perk: UUID
    creator: str
    kind: PerkKind
    title: str
    description: str | None
    threshold_coins: int
    uses: int | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One viewer's claim to one perk, on the terms of the moment it was unlocked."""

    entitlement: UUID
    perk: UUID
    creator: str
    viewer: str
    kind: PerkKind
    title: str
    threshold_coins: int
    uses: int | None
    used: int
    withdrawn: bool
    revision: int
    unlocked_at: datetime

    def require_usable(self) -> None:
        """Refuse to use up what is not there any more."""
        if self.withdrawn:
            raise PerkWithdrawn
        if self.uses is not None and self.used >= self.uses:
            raise UsedUp(uses=self.uses)
