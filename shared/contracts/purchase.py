"""Events of the purchase service: real money becoming coins."""

from typing import Annotated

from pydantic import Field

from .base import (
    BasisPoints,
    Coins,
    Country,
    Currency,
    Event,
    ForeignId,
    MinorUnits,
    Moment,
    Name,
    PurchaseId,
    QuestionId,
    RefundId,
    RefusalId,
    Revision,
    UserId,
    WithdrawalId,
    like,
    number,
)
from .erasures import PurchaseDataErased, PurchaseErasureChecked

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


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
    tax_country: Country | None = None
    """The country that taxes the sale, ISO 3166-1 alpha-2; null if none does."""
    tax_rate_bp: BasisPoints | None = None
    """The rate of that tax, in basis points of the net amount; null if there is none."""
    tax_minor: MinorUnits | None = None
    """How much of `amount_minor` is tax, in minor units of `currency`; null if it is unknown."""
    net_minor: MinorUnits | None = None
    """What the coins are worth in the books, without tax, in minor units of `currency`."""
    promo_coins: Annotated[int, number("coins", 0, 200, ge=0)] = 0
    """How many coins come on top of those because of a promo code, in coins."""
    promo_expires_at: Annotated[Moment | None, like("2026-12-23T12:00:00Z")] = None
    """When the promo coins that are not spent expire; null if there are none. UTC."""
    campaign: Annotated[Name, like("winter-2026")] | None = None
    """The campaign of the promo code, as operators call it; null if none was used."""
    payment_fingerprint: Annotated[Fingerprint, like("9b1c07d2f3a84e5560c1aa72e4d98b03")] | None = (
        None
    )
    """
    Tells the card or account that paid from others: equal if two purchases were paid with one.

    A hash of what the provider calls it; null if the provider does not say.
    """


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

    evidence_due_at: Annotated[Moment | None, like("2026-11-30T12:00:00Z")] = None
    """
    Until when the provider takes evidence, in UTC, as known when this was published; None if it
    says no time. It may move later, which is no event.
    """


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
    tax_minor: MinorUnits | None = None
    """How much of `amount_minor` is tax, in minor units of `currency`; null if it is unknown."""


class PurchaseRefundDeclined(RefundEvent):
    """
    The money stays; the frozen coins are the viewer's again. `reason` is a stable code.

    It outranks `purchase.refunded` of the same refund, whichever comes first: a refund that was
    made may fail later, and its money comes back.
    """

    name = "purchase.refund_declined"

    reason: Annotated[Name, like("nothing-unused", "refused")]
    """Why: `nothing-unused`, `disputed`, `failed`, `unresolved`, or a code of the provider."""


class PurchaseWithdrawalReceived(PurchaseEvent):
    """
    A viewer withdrew from a purchase, within the time that the law gives for it.

    The acknowledgement of its receipt, with what was stated, the date and the time, is owed to
    `reply_to` without undue delay. What is unused of the coins is refunded by `refund`.
    """

    name = "purchase.withdrawal_received"

    withdrawal: WithdrawalId
    """The withdrawal: the only one of its purchase."""
    received_at: Moment
    """When the statement was received. UTC."""
    consumer_name: Annotated[str, Field(max_length=200), like("Mira Example")]
    """What the viewer called themselves in the statement. Personal data."""
    reply_to: Annotated[str, Field(max_length=254), like("mira@example.com")] | None = None
    """The e-mail address the viewer named for the acknowledgement. Personal data; null if none."""
    refund: RefundId | None = None
    """The refund of the unused coins; null if there is none."""
    reason: Annotated[Name, like("disputed")] | None = None
    """Why there is no refund: `disputed`, the bank was asked for the money; null if there is."""


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


class PurchaseUsageRequested(PurchaseEvent):
    """
    An app's store asks how much of a purchase was used, before it decides about a refund.

    The buyer has agreed that it is told; the wallet answers with `wallet.usage_reported`.
    """

    name = "purchase.usage_requested"
    discriminator_fields = ("question",)

    question: QuestionId
    """The question, as we call it."""


class PurchaseRefused(Event):
    """
    A purchase rule refused a viewer, so that nothing was recorded or paid.

    Of one viewer and rule the first refusal in 24 hours is published: who goes on trying cannot
    fill the queues of others.
    """

    name = "purchase.refused"
    subject_field = "refusal"
    partition_field = "viewer"

    refusal: RefusalId
    """The refusal, as we call it."""
    viewer: UserId
    """Who wanted to buy: the `sub` of the viewer's token."""
    rule: Annotated[Name, like("money-per-day", "failed-payments", "open-dispute")]
    """Which rule refused, as the answer to the viewer named it."""
    refused_at: Moment
    """When it was refused. UTC."""
    ends_at: Annotated[Moment | None, like("2026-11-24T12:00:00Z")] = None
    """When the rule stops refusing, if time ends it. UTC."""
    package: Annotated[Name, like("coins_5000", "coins_500", "coins_100")]
    """The package that was not bought, by its sku."""
    country: Country | None = None
    """The viewer's country, ISO 3166-1 alpha-2, as the token claims it; null if it says nothing."""
    channel: Annotated[Name, like("web", "ios", "android")]
    """Where it was to be bought: the web, or an app's store."""


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
    PurchaseWithdrawalReceived,
    PurchaseRiskFlagged,
    PurchaseUsageRequested,
    PurchaseRefused,
    PurchaseErasureChecked,
    PurchaseDataErased,
)
