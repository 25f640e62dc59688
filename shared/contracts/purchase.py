"""Events of the purchase service: real money becoming coins."""

from typing import Annotated

from .base import (
    Coins,
    Country,
    Currency,
    Event,
    ForeignId,
    MinorUnits,
    Moment,
    Name,
    PurchaseId,
    RefundId,
    Revision,
    UserId,
    like,
    number,
)


class PurchaseEvent(Event):
    """Something that happened to one purchase of one viewer."""

    subject_field = "purchase"
    partition_field = "viewer"

    purchase: PurchaseId
    """The purchase, as `POST /v1/purchases` answered."""
    viewer: UserId
    """Who bought: the `sub` of the viewer's token."""


class PurchasePaid(PurchaseEvent):
    """The provider holds the money; the coins are owed to the viewer from now on."""

    name = "purchase.paid"

    package: Annotated[Name, like("coins_5000", "coins_500", "coins_100")]
    """The package that was bought, by its sku."""
    coins: Annotated[Coins, like(5_000, 500, 100)]
    """How many coins the money buys, in coins, without the bonus."""
    bonus_coins: Annotated[int, number("coins", 0, 100, ge=0)] = 0
    """How many coins come on top as a reward, in coins."""
    amount_minor: MinorUnits
    """What the viewer paid, tax included, in minor units of `currency`."""
    currency: Currency
    """The currency of `amount_minor`, ISO 4217."""
    channel: Annotated[Name, like("web", "ios", "android")]
    """Where it was bought: the web, or an app's store."""
    country: Country | None = None
    """The viewer's country, ISO 3166-1 alpha-2, as the token claims it; null if it says nothing."""
    provider: Annotated[Name, like("sandbox")]
    """Who took the money."""
    payment: Annotated[ForeignId, like("pay_3f9c1b", "pay_77a0d2")]
    """The payment, as the provider calls it."""
    paid_at: Moment
    """When the provider took the money. UTC."""
    late: Annotated[bool, like(False, True)] = False
    """The payment came after the purchase had expired or failed; it is honoured all the same."""


class PurchaseCompleted(PurchaseEvent):
    """The coins of the purchase are in the wallet."""

    name = "purchase.completed"

    coins: Annotated[Coins, like(5_000, 500, 100)]
    """How many coins arrived, in coins, the bonus included."""


class PurchaseFailed(PurchaseEvent):
    """The provider declined the payment, and it was cancelled there."""

    name = "purchase.failed"

    reason: Annotated[Name, like("card_declined", "cancelled")]
    """Why, as a code of the provider."""


class PurchaseExpired(PurchaseEvent):
    """The payment did not come in time, and was cancelled at the provider."""

    name = "purchase.expired"


class DisputeEvent(PurchaseEvent):
    """Something that happened to one dispute over one purchase; `revision` counts upwards."""

    discriminator_fields = ("dispute", "revision")

    dispute: Annotated[ForeignId, like("dp_5a2e90", "dp_91c4f7")]
    """The dispute, as the provider calls it."""
    revision: Revision
    """Counts the statements about the dispute: of two events the higher one is right."""
    amount_minor: MinorUnits
    """The part of the purchase's money that is disputed, in minor units of `currency`."""
    currency: Currency
    """The currency of `amount_minor`, ISO 4217."""


class PurchaseDisputed(DisputeEvent):
    """
    The money was taken back, or is about to be: a chargeback, or a refund without our request.

    `amount_minor` is the part of the purchase that is disputed.
    """

    name = "purchase.disputed"

    reason: Annotated[Name, like("fraudulent", "product_not_received")]
    """Why, as a code of the provider."""


class PurchaseDisputeClosed(DisputeEvent):
    """
    The bank decided: `won` means the money stays with us.

    A refund without our request is lost from the start, and won if its money comes back.
    """

    name = "purchase.dispute_closed"

    won: Annotated[bool, like(True, False)]
    """Whether the money stays with us."""


class RefundEvent(PurchaseEvent):
    """Something that happened to one refund of the unused part of one purchase."""

    discriminator_fields = ("refund",)

    refund: RefundId
    """The refund, as `POST /v1/purchases/{purchase}/refunds` answered."""


class PurchaseRefundRequested(RefundEvent):
    """An allowed caller wants the unused coins refunded; the wallet freezes them."""

    name = "purchase.refund_requested"

    requested_by: Annotated[UserId, like("mira", "ann")]
    """Who asked: the `sub` of the viewer's or the operator's token."""


class PurchaseRefunded(RefundEvent):
    """The provider has given the money back; the frozen coins are to be burnt."""

    name = "purchase.refunded"

    coins: Coins
    """How many unused coins the money was given back for, in coins."""
    amount_minor: MinorUnits
    """How much was given back, in minor units of `currency`."""
    currency: Currency
    """The currency of `amount_minor`, ISO 4217."""


class PurchaseRefundDeclined(RefundEvent):
    """
    The money stays; the frozen coins are the viewer's again. `reason` is a stable code.

    It outranks `purchase.refunded` of the same refund, whichever comes first: a refund that was
    made may fail later, and its money comes back.
    """

    name = "purchase.refund_declined"

    reason: Annotated[Name, like("nothing-unused", "refused")]
    """Why: `nothing-unused`, `disputed`, `failed`, `unresolved`, or a code of the provider."""


class PurchaseRiskFlagged(PurchaseEvent):
    """
    The provider warns that the payment may be fraud; nothing is lost yet.

    What is unspent of it is frozen, and what it funded matures later. The same happens while a
    person looks at what contradicts the payment, such as a dispute in another currency.
    """

    name = "purchase.risk_flagged"
    discriminator_fields = ("warning",)

    warning: Annotated[ForeignId, like("efw_2d81b3", "efw_70aa19")]
    """The warning, as the provider calls it."""
    reason: Annotated[Name, like("early_fraud_warning")]
    """What kind of warning it is, as a code of the provider."""


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
