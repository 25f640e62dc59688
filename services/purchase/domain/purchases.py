"""A purchase as we record it, and a payment as the provider reports it."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.purchase.domain.taxes import Tax, TaxPayer
from shared.errors import Kind, Refusal

# An unpaid purchase is given up after this. Money that still comes is honoured.
PAYABLE_FOR = timedelta(minutes=30)
# The kind of a store's question how much of a purchase is used, before it refunds it.
CONSUMPTION_REQUEST = "consumption_request"
# Open work is checked this long after it last changed, then ever more rarely.
CHECK_SECONDS_FIRST = 10
CHECK_DOUBLINGS_MAX = 5
# What a provider may call something: a token of a store is longer than an id.
_NAME = re.compile(r"[\x21-\x7e]{1,1024}")


class NoSuchPurchase(Refusal):
    """There is no such purchase."""

    kind = Kind.NOT_FOUND


class CoinsDiffer(Refusal):
    """The wallet credited another number of coins than were bought."""

    kind = Kind.CONFLICT


class UnknownProvider(Refusal):
    """There is no such payment provider."""

    kind = Kind.NOT_FOUND


class SelfExcluded(Refusal):
    """You have asked to be kept from buying until then."""

    kind = Kind.FORBIDDEN


class NotSoldByStore(Refusal):
    """This purchase is not paid in an app's store."""

    kind = Kind.CONFLICT


class TokenRefused(Refusal):
    """The store did not give this token for this purchase."""

    kind = Kind.INVALID


class StoreUnavailable(Refusal):
    """The store gives no answer at the moment; send the same token again."""

    kind = Kind.UNAVAILABLE


class BadSignature(Refusal):
    """The notification was not signed by the provider, or too long ago."""

    kind = Kind.UNAUTHENTICATED


class State(StrEnum):
    """How far a purchase has come."""

    CREATED = "created"  # recorded; the provider may not know of it yet
    PENDING = "pending"  # the viewer can pay
    PAID = "paid"  # the coins are owed
    COMPLETED = "completed"  # the coins are in the wallet
    FAILED = "failed"
    EXPIRED = "expired"
    MISMATCHED = "mismatched"  # money came, but not what was asked: a person decides


class Status(StrEnum):
    """What the provider says about a payment."""

    OPEN = "open"
    PROCESSING = "processing"  # under way: neither decided nor cancellable
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # declined; until it is cancelled, the payer may try again
    CANCELLED = "cancelled"


class DisputeState(StrEnum):
    """What the bank says about a dispute."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class RefundStatus(StrEnum):
    """What the provider says about a refund."""

    PENDING = "pending"  # accepted: the money has not gone yet
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it may have succeeded before: the money is back


class Allocation(StrEnum):
    """What a payment did for its purchase."""

    APPLIED = "applied"
    MISMATCHED = "mismatched"  # another amount or currency than was asked for, or given back
    OVERPAYMENT = "overpayment"  # the purchase had been paid before: to be refunded


@dataclass(frozen=True, slots=True)
class Purchase:
    """
    One viewer's order for coins, and what has become of it.

    A `product` is sold by a store, which sets the price: until it is paid, amount and currency are
    those of our own price list, afterwards those that the store took.
    """

    viewer: str
    id: UUID
    package: str
    coins: int
    bonus_coins: int
    channel: str
    country: str | None
    provider: str
    correlation_id: str
    created_at: datetime
    expires_at: datetime
    amount_minor: int
    currency: str
    state: State = State.CREATED
    payment: str | None = None
    next_action_url: str | None = None
    late: bool = False
    version: int = 0
    paid_at: datetime | None = None
    # What it was paid with, so that two purchases with one card are known as such.
    payment_fingerprint: str | None = None
    credited_at: datetime | None = None
    # What the price holds of a country's tax, as it was when the money came.
    tax_country: str | None = None
    tax_kind: str | None = None
    tax_rate_bp: int | None = None
    tax_minor: int = 0
    tax_payer: TaxPayer | None = None
    # When its viewer withdrew from it, within the time for that.
    withdrawn_at: datetime | None = None
    product: str | None = None
    # The buyer lets us tell the store how much was used, if it asks before a refund.
    consumption_consent: bool = False
    # How long its viewer can withdraw from it, by the rules when it was made; None: not at all.
    withdrawal_days: int | None = None
    # What comes on top of a first purchase, and of a campaign's code; none once it is given up.
    first_purchase_coins: int = 0
    promo_coins: int = 0
    # How many days after the payment the promo coins expire.
    promo_days: int = 0
    campaign: str | None = None
    # What the campaign's budget holds for it.
    promise: UUID | None = None
    # Where its viewer was by their internet address, if the host application says so.
    ip_country: str | None = None

    @property
    def all_bonus_coins(self) -> int:
        """All coins that came with those that were paid, without promo coins."""
        return self.bonus_coins + self.first_purchase_coins

    @property
    def all_coins(self) -> int:
        """All coins that the purchase brings."""
        return self.coins + self.all_bonus_coins + self.promo_coins

    @property
    def promo_expires_at(self) -> datetime | None:
        if self.paid_at is None or not self.promo_coins:
            return None
        return self.paid_at + timedelta(days=self.promo_days)

    @property
    def net_minor(self) -> int:
        return self.amount_minor - self.tax_minor

    def taxed(self, tax: Tax | None) -> "Purchase":
        if tax is None:
            return self
        return replace(
            self,
            tax_country=tax.country,
            tax_kind=tax.kind,
            tax_rate_bp=tax.rate_bp,
            tax_minor=tax.minor,
            tax_payer=tax.payer,
        )


@dataclass(frozen=True, slots=True)
class Dispute:
    """
    A cardholder's bank asks for the money back, or has it back already.

    `revision` counts what was published of it, every change of mind. It stays 0 if the money had
    credited no coins: then there is nothing for others to act on.

    `evidence_due_at` is until when the provider takes our evidence, if it says so;
    `evidence_submitted` whether it has it. Neither moves money, so neither is a revision.
    """

    id: str
    payment: str
    state: DisputeState
    reason: str
    amount_minor: int
    currency: str
    revision: int = 0
    evidence_due_at: datetime | None = None
    evidence_submitted: bool = False


@dataclass(frozen=True, slots=True)
class EarlyFraudWarning:
    """The provider's hint that a payment may be fraud, before a dispute."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as the provider lists it; `reference` is ours if we requested it."""

    id: str
    reference: str | None
    status: RefundStatus
    amount_minor: int


@dataclass(frozen=True, slots=True)
class AcceptedRefund:
    """A refund that the provider has taken; accepted is not made, `status` says more."""

    id: str
    status: RefundStatus


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What the provider has added to our balance for a payment so far, in the currency it pays out.

    `balance_minor` is all that came and went because of the payment, after fees: it may be
    negative. `fee_minor` is what the provider kept of it, also for disputes and refunds.
    """

    currency: str
    balance_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class Payment:
    """
    A payment as the provider describes it when asked.

    `refunded_minor` is what has gone back and stayed there, by any request. `sequence` is
    the provider's own count of changes, if it has one; `asked_at` and `answered_at` are ours.

    `names` is what else the provider calls it, such as its charge or its order: a later webhook
    event may say no more than one of these. A `product` was sold by a store, which sets the price
    of what we named; `quantity` is how many of it. With `settlements` the provider says itself
    what all of it did to our balance, and `fee_minor` is 0. What `is_approved` is open, and the
    payer has agreed to it: the money moves once we take it. `fingerprint` tells what it was paid
    with from other cards and accounts, and nothing else; `instrument_country` is that of the card,
    account or storefront that paid (ISO 3166-1), if the provider knows it.
    """

    id: str
    reference: str
    status: Status
    amount_minor: int
    currency: str
    pay_url: str | None = None
    paid_at: datetime | None = None
    failure: str | None = None
    refunded_minor: int = 0
    # What the provider keeps of it.
    fee_minor: int = 0
    disputes: tuple[Dispute, ...] = ()
    warnings: tuple[EarlyFraudWarning, ...] = ()
    refunds: tuple[RefundSeen, ...] = ()
    sequence: int | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    names: tuple[str, ...] = ()
    product: str | None = None
    quantity: int = 1
    settlements: tuple[Settlement, ...] = ()
    is_approved: bool = False
    fingerprint: str | None = None
    instrument_country: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentName:
    """A name that a provider has for a payment of a purchase: its id, its charge, its order."""

    provider: str
    name: str
    viewer: str
    purchase: UUID
    payment: str


@dataclass(frozen=True, slots=True)
class NoPayment:
    """The provider has no payment for the purchase; `reason` if it refused to make one."""

    reason: str | None = None


ProviderStatus: TypeAlias = Payment | NoPayment


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """
    What a provider posts: that something happened to a payment, not what.

    What it says about money is not read: it only triggers a status poll. `payment` is any name
    of the payment, `reference` our own if the event has it.
    """

    provider: str
    webhook_id: str
    kind: str
    payload_hash: bytes
    payment: str | None
    reference: str | None


def with_usable_names(event: WebhookEvent) -> WebhookEvent:
    """
    Return an event without the names that nothing could be stored or asked for under.

    A provider signed it, and may still have written anything into it.
    """
    payment, reference = (
        name if name is not None and _NAME.fullmatch(name) else None
        for name in (event.payment, event.reference)
    )
    is_named = _NAME.fullmatch(event.webhook_id)
    webhook_id = event.webhook_id if is_named else f"unnamed:{event.payload_hash.hex()}"
    return replace(event, webhook_id=webhook_id, payment=payment, reference=reference)


@dataclass(frozen=True, slots=True)
class UnmatchedEvent:
    """A webhook event that matched no purchase for long; the last time it is given up."""

    event: WebhookEvent
    is_last: bool
