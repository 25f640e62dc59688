"""Perks that creators offer to supporters, entitlements to them, and thanks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal

PERKS_MAX = 20


class PerkKind(StrEnum):
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
    """A creator's offer to supporters with `threshold_coins` in all; `uses` null is no limit."""

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

    @property
    def uses_left(self) -> int | None:
        """How often it can still be used; None is no limit."""
        return None if self.uses is None else self.uses - self.used

    @property
    def usable(self) -> bool:
        return not self.withdrawn and self.uses_left != 0

    def require_usable(self) -> None:
        """Refuse the use of an entitlement that is withdrawn or used up."""
        if self.withdrawn:
            raise PerkWithdrawn
        if self.uses_left == 0:
            raise UsedUp(uses=self.uses)
