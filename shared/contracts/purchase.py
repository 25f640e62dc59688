"""What the purchase service announces: real money becoming coins."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.base import Coins, Country, Currency, Event, MinorUnits, Name, UserId


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
    """The cardholder asked the bank for the money back."""

    name = "purchase.disputed"

    reason: Name


class PurchaseDisputeClosed(DisputeEvent):
    """The bank decided: `won` means the money stays with us."""

    name = "purchase.dispute_closed"

    won: bool


EVENTS: tuple[type[Event], ...] = (
    PurchasePaid,
    PurchaseCompleted,
    PurchaseFailed,
    PurchaseExpired,
    PurchaseDisputed,
    PurchaseDisputeClosed,
)
