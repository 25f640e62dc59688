"""What the payout service announces: diamonds earned, and diamonds becoming money."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.base import (
    Currency,
    Diamonds,
    DiamondsOrNone,
    Event,
    MinorUnits,
    Name,
    UserId,
)


class DiamondsEarned(Event):
    """
    A gift became diamonds of its creator.

    The sequence is the version of the creator's account. `diamonds` may be 0: promotional
    coins can be worth nothing.
    """

    name = "payout.diamonds_earned"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("gift",)

    creator: UserId
    gift: UUID
    viewer: UserId
    coins: Annotated[int, Field(strict=True, gt=0)]
    diamonds: DiamondsOrNone
    matures_at: AwareDatetime
    balance_diamonds: DiamondsOrNone


class PayoutEvent(Event):
    """Something that happened to one payout of one creator."""

    subject_field = "payout"
    partition_field = "creator"

    payout: UUID
    creator: UserId
    diamonds: Diamonds
    # What arrives at the creator, after the fee.
    amount_minor: MinorUnits
    fee_minor: MinorUnits = 0
    currency: Currency


class PayoutRequested(PayoutEvent):
    """The creator asked for money; the diamonds are reserved."""

    name = "payout.requested"

    rate_version: Annotated[int, Field(strict=True, ge=1)]


class PayoutHeld(PayoutEvent):
    """A person has to look at the payout before it goes on."""

    name = "payout.held"

    reason: Name


class PayoutApproved(PayoutEvent):
    """The payout may be sent."""

    name = "payout.approved"

    approved_by: Name


class AttemptEvent(PayoutEvent):
    """Something that happened to one attempt to send one payout."""

    discriminator_fields = ("attempt",)

    attempt: UUID
    provider: Name


class PayoutSent(AttemptEvent):
    """The provider has the order to pay."""

    name = "payout.sent"


class PayoutPaid(AttemptEvent):
    """The money arrived; the reserved diamonds are gone."""

    name = "payout.paid"


class PayoutFailed(AttemptEvent):
    """The provider could not pay; the diamonds are the creator's again."""

    name = "payout.failed"

    reason: Name


class PayoutReturned(AttemptEvent):
    """The money came back after it was paid; the diamonds are the creator's again."""

    name = "payout.returned"

    reason: Name


EVENTS: tuple[type[Event], ...] = (
    DiamondsEarned,
    PayoutRequested,
    PayoutHeld,
    PayoutApproved,
    PayoutSent,
    PayoutPaid,
    PayoutFailed,
    PayoutReturned,
)
