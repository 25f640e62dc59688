"""What the payout service announces: diamonds earned, and diamonds becoming money."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from .base import (
    BlockEvent,
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


class DiamondsMatured(Event):
    """Diamonds that were pending are available; `batch` numbers the creator's maturings."""

    name = "payout.diamonds_matured"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("batch",)

    creator: UserId
    batch: Annotated[int, Field(strict=True, ge=1)]
    diamonds: Diamonds
    balance_diamonds: DiamondsOrNone


class ClawbackEvent(Event):
    """A gift's diamonds follow its coins: taken when the money was, back when it is."""

    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("gift", "lot", "revision")

    creator: UserId
    gift: UUID
    lot: UUID
    revision: Annotated[int, Field(strict=True, ge=1)]
    # What the creator's balances lost or got, and what the operator bore or got back instead.
    diamonds: DiamondsOrNone
    loss_diamonds: DiamondsOrNone = 0
    balance_diamonds: DiamondsOrNone


class DiamondsClawedBack(ClawbackEvent):
    """The money behind these diamonds was taken back."""

    name = "payout.diamonds_clawed_back"


class DiamondsRestored(ClawbackEvent):
    """The money behind these diamonds is there again."""

    name = "payout.diamonds_restored"


class DiamondsAdjusted(Event):
    """Two operators corrected a balance; `diamonds` is positive or negative."""

    name = "payout.diamonds_adjusted"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("adjustment",)

    creator: UserId
    adjustment: UUID
    diamonds: Annotated[int, Field(strict=True)]
    reason: Name
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
    discriminator_fields = ("revision",)

    reason: Name
    # The version of the payout: it may be held, approved and held again.
    revision: Annotated[int, Field(strict=True, ge=1)]


class PayoutApproved(PayoutEvent):
    """The payout may be sent."""

    name = "payout.approved"
    discriminator_fields = ("revision",)

    approved_by: Name
    revision: Annotated[int, Field(strict=True, ge=1)]


class PayoutRejected(PayoutEvent):
    """A person decided against it; the diamonds are the creator's again."""

    name = "payout.rejected"

    reason: Name


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


class BlockSealed(BlockEvent):
    """A block of the diamond ledger's movements was sealed."""

    name = "payout.block_sealed"


EVENTS: tuple[type[Event], ...] = (
    DiamondsEarned,
    DiamondsMatured,
    DiamondsClawedBack,
    DiamondsRestored,
    DiamondsAdjusted,
    BlockSealed,
    PayoutRequested,
    PayoutHeld,
    PayoutApproved,
    PayoutRejected,
    PayoutSent,
    PayoutPaid,
    PayoutFailed,
    PayoutReturned,
)
