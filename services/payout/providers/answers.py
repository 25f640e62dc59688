"""What any payment provider says of transfers, as the service reads it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.payout.domain.payouts import ProviderStatus
from shared.contracts.base import AMOUNT_MAX
from shared.http.provider_client import ProviderUnavailable

# Why money that was sent has not arrived yet: the creator has to claim it, or the provider looks
# at it.
UNCLAIMED, ON_HOLD = "unclaimed", "on-hold"


class NotFunded(ProviderUnavailable):
    """
    Our account at the provider has too little money, and so nothing was done.

    Another attempt may follow: the answer is kept under the key of this one.
    """


class Transfer(BaseModel):
    """
    What the provider says of a transfer, in our minor units.

    `returned_minor` is how much of it came back so far, in all. A `reason` says why it failed or
    came back, or why it has not arrived yet.
    """

    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    status: ProviderStatus
    reason: Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]+$")] | None = None
    returned_minor: Annotated[int, Field(ge=0, le=AMOUNT_MAX)] = 0
    # What it was ordered as, if the provider says so.
    reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class FoundTransfer:
    """What the provider knows of an attempt; more than one transfer would be money sent twice."""

    transfer: Transfer
    is_one_of_several: bool = False


def uuid_in(value: object) -> UUID | None:
    """Return the id of an attempt that a provider repeats, if it is one."""
    try:
        return UUID(str(value))
    except ValueError:
        return None
