"""Bonuses: diamonds that a funder gives to a creator, agreed to by two operators."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.payout.domain.earnings import post
from services.payout.domain.rates import Rules
from shared.errors import Kind, Refusal
from shared.ledger.entries import MAIN, PENDING, LockedAccounts

# What a funder has given is the sum of the postings of its account.
FUNDER_PREFIX = "@bonus:"


class NoSuchBonus(Refusal):
    """There is no such bonus of this creator."""

    kind = Kind.NOT_FOUND


class OwnBonus(Refusal):
    """Nobody can approve a bonus that they asked for themselves."""

    kind = Kind.FORBIDDEN


class BonusDecided(Refusal):
    """This bonus has been decided already."""

    kind = Kind.CONFLICT


class BonusState(StrEnum):
    """Whether a bonus was agreed to."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Bonus:
    """A bonus: who asked for it and who decided; a granted one matures as earnings do."""

    creator: str
    id: UUID
    funder: str
    diamonds: int
    reason: str
    state: BonusState
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    matures_at: datetime | None
    hold_reason: str | None
    matured: bool


def grant(
    accounts: LockedAccounts, bonus: Bonus, rules: Rules, *, waits: bool, reference: str
) -> None:
    """Let the diamonds of a bonus arrive from its funder."""
    amounts = {PENDING if waits else MAIN: bonus.diamonds}
    amounts[f"{FUNDER_PREFIX}{bonus.funder}"] = -bonus.diamonds
    post(
        accounts,
        amounts,
        rules,
        kind="bonus",
        reference=reference,
        request_hash=bonus.id.bytes,
    )
