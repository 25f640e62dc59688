"""A person asks to be erased: every service with money is asked first, and then each erases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal

# Who says first whether a person's money is settled; the others have none.
ASKED = ("purchase", "wallet", "payout")
# Whose rows about a person are exported; webhooks has copies of their events alone.
EXPORTED = (*ASKED, "gift", "live")
ALL = (*EXPORTED, "webhooks")


class NoErasure(Refusal):
    """You have not asked to be erased."""

    kind = Kind.NOT_FOUND


class ErasureState(StrEnum):
    """How far an erasure is."""

    CHECKING = "checking"  # not every service has said whether the money is settled
    REFUSED = "refused"  # something has to end first
    ERASED = "erased"  # decided: each service erases at once, and says how much


@dataclass(frozen=True, slots=True)
class Erasure:
    """One request, and what was decided; `forfeit` gives up what coins and diamonds are left."""

    user_id: str
    id: UUID
    forfeit: bool
    state: ErasureState
    requested_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ErasureAnswer:
    """What a service says; `erased` is how many rows of each kind lost what names the person."""

    service: str
    obstacles: tuple[str, ...] | None
    erased: Mapping[str, int] | None


def decide(answers: Mapping[str, ErasureAnswer]) -> ErasureState:
    """Decide once all have answered, in whichever order they did."""
    asked = [answers[service].obstacles for service in ASKED if service in answers]
    if len(asked) < len(ASKED) or None in asked:
        return ErasureState.CHECKING
    return ErasureState.REFUSED if any(asked) else ErasureState.ERASED
