"""What the purchase service announces: real money becoming coins."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from .base import Coins, Country, Currency, Event, MinorUnits, Name, UserId


class PurchaseEvent(Event):
    """Something that happened to one purchase of one viewer."""

    subject_field = "purchase"
    partition_field = "viewer"

    purchase: UUID
    viewer: UserId


class PurchasePaid(PurchaseEvent):
    """The provider holds the money; the coins are owed to the viewer from now on."""

    name = "purchase.paid"

    package: Name
    coins: Coins
    bonus_coins: Annotated[int, Field(strict=True, ge=0)] = 0
    amount_minor: MinorUnits
    currency: Currency
    channel: Name
    country: Country | None = None
    provider: Name
    payment: Annotated[str, Field(min_length=1, max_length=128)]
    paid_at: AwareDatetime
    # The payment came after the purchase had expired or failed; it is honoured all the same.
    late: bool = False


class PurchaseCompleted(PurchaseEvent):
    """The coins of the purchase are in the wallet."""

    name = "purchase.completed"

    coins: Coins


class PurchaseFailed(PurchaseEvent):
    """The provider declined the payment, and it was cancelled there."""

    name = "purchase.failed"

    reason: Name


class PurchaseExpired(PurchaseEvent):
    """Nobody paid in time, and the payment was cancelled at the provider."""

    name = "purchase.expired"


class DisputeEvent(PurchaseEvent):
    """Something that happened to one dispute over one purchase; `revision` counts upwards."""

    discriminator_fields = ("dispute", "revision")

    dispute: Annotated[str, Field(min_length=1, max_length=128)]
    revision: Annotated[int, Field(strict=True, ge=1)]
    amount_minor: MinorUnits
    currency: Currency


class PurchaseDisputed(DisputeEvent):
    """
    The money was taken back, or is about to be: a chargeback, or a refund nobody asked us for.

    `amount_minor` is the part of the purchase that is disputed.
    """

    name = "purchase.disputed"

    reason: Name


class PurchaseDisputeClosed(DisputeEvent):
    """The bank decided: `won` means the money stays with us."""

    name = "purchase.dispute_closed"

    won: bool


class RefundEvent(PurchaseEvent):
    """Something that happened to one refund of the unused part of one purchase."""

    discriminator_fields = ("refund",)

    refund: UUID


class PurchaseRefundRequested(RefundEvent):
    """Somebody who may wants the unused coins turned back into money; the wallet freezes them."""

    name = "purchase.refund_requested"

    requested_by: Name


class PurchaseRefunded(RefundEvent):
    """The provider has given the money back; the frozen coins are to be burnt."""

    name = "purchase.refunded"

    coins: Coins
    amount_minor: MinorUnits
    currency: Currency


class PurchaseRefundDeclined(RefundEvent):
    """The money stays; the frozen coins are the viewer's again. `reason` is a stable code."""

    name = "purchase.refund_declined"

    reason: Name


class PurchaseRiskFlagged(PurchaseEvent):
    """
    The provider warns that the payment may be fraud; nothing is lost yet.

    What is unspent of it is frozen, and what it funded matures later.
    """

    name = "purchase.risk_flagged"
    discriminator_fields = ("warning",)

    warning: Annotated[str, Field(min_length=1, max_length=128)]
    reason: Name


EVENTS: tuple[type[Event], ...] = (
    PurchasePaid,
    PurchaseCompleted,
    PurchaseFailed,
    PurchaseExpired,
    PurchaseDisputed,
    PurchaseDisputeClosed,
    PurchaseRefundRequested,
    PurchaseRefunded,
    PurchaseRefundDeclined,
    PurchaseRiskFlagged,
)
