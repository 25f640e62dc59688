"""What any payment provider says of transfers, as the service reads it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from services.payout.domain.payouts import ProviderStatus


class Transfer(BaseModel):
    """What the provider says of a transfer."""

    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    status: ProviderStatus
    reason: Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]+$")] | None = None
    # What it was ordered as, if the provider says so.
    reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class FoundTransfer:
    """What the provider knows of an attempt; more than one transfer would be money sent twice."""

    transfer: Transfer
    is_one_of_several: bool
