"""A purchase as we record it, and a payment as the provider reports it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from shared.errors import Kind, Refusal

# An unpaid purchase is given up after this. Money that still comes is honoured.
PAYABLE_FOR = timedelta(minutes=30)
# Open work is checked this long after it last changed, then ever more rarely.
CHECK_SECONDS_FIRST = 10
CHECK_DOUBLINGS_MAX = 5


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
    """One viewer's order for coins, and what has become of it."""

    viewer: str
    id: UUID
    package: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    channel: str
    country: str | None
    provider: str
    correlation_id: str
    created_at: datetime
    expires_at: datetime
    state: State = State.CREATED
    payment: str | None = None
    next_action_url: str | None = None
    late: bool = False
    version: int = 0
    paid_at: datetime | None = None
    credited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """
    A cardholder's bank asks for the money back, or has it back already.

    `revision` counts what was published of it, every change of mind. It stays 0 if the money had
    credited no coins: then there is nothing for others to act on.
    """

    id: str
    payment: str
    state: DisputeState
    reason: str
    amount_minor: int
    currency: str
    revision: int = 0


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
class Payment:
    """
    A payment as the provider describes it when asked.

    `refunded_minor` is what has gone back and stayed there, by any request. `sequence` is
    the provider's own count of changes, if it has one; `asked_at` and `answered_at` are ours.
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


@dataclass(frozen=True, slots=True)
class NoPayment:
    """The provider has no payment for the purchase; `reason` if it refused to make one."""

    reason: str | None = None


ProviderStatus: TypeAlias = Payment | NoPayment


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """
    What a provider posts: that something happened to a payment, not what.

    What it says about money is not read: it only triggers a status poll.
    """

    provider: str
    webhook_id: str
    kind: str
    payload_hash: bytes
    payment: str | None
    reference: str | None
