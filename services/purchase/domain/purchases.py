"""What there is to know about a purchase: our own row, and the provider's word."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from shared.errors import Kind, Refusal

# An unpaid purchase is given up after this. Money that still comes is honoured.
PAYABLE_FOR = timedelta(minutes=30)
# Whatever is open is asked about this long after it was last touched, then ever more rarely.
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


class Standing(StrEnum):
    """What the money of a payment has led to."""

    CREDITED = "credited"
    MISMATCHED = "mismatched"  # another amount or currency than was asked for, or given back
    SURPLUS = "surplus"  # the purchase had been paid before: to be refunded


@dataclass(frozen=True, slots=True)
class Purchase:
    """One viewer's wish for coins, and what has become of it."""

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

    `revision` counts what was announced of it, every change of mind. It stays 0 if the money had
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
class Warned:
    """The provider believes that a payment may be fraud."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as the provider lists it; `reference` is what whoever asked for it calls it."""

    id: str
    reference: str | None
    status: RefundStatus
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Payment:
    """
    A payment as the provider describes it when asked.

    `refunded_minor` is what has gone back and stayed there, whoever asked for it. `sequence` is
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
    warnings: tuple[Warned, ...] = ()
    refunds: tuple[RefundSeen, ...] = ()
    sequence: int | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoPayment:
    """The provider has no payment for the purchase; `reason` if it refused to make one."""

    reason: str | None = None


Truth: TypeAlias = Payment | NoPayment


@dataclass(frozen=True, slots=True)
class Notification:
    """
    A webhook: that something happened to a payment, not what.

    Anything it says about money is left unread. It only makes us ask.
    """

    provider: str
    webhook_id: str
    kind: str
    payload_hash: bytes
    payment: str | None
    reference: str | None
