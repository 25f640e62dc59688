"""Which of two answers about a payment is the newer one, and whether it fits what came."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import (
    Allocation,
    EarlyFraudWarning,
    Payment,
    Settlement,
)


@dataclass(frozen=True, slots=True)
class AppliedAnswer:
    """
    The newest answer about a payment that was applied, and what the books say because of it.

    `ignored_before` is when the provider last did something for us: what was asked before that
    may not know of it. `given_back_minor` went back or is claimed by disputes, but for our own
    refunds. `entries` counts the entries in the books.

    `settlements` are the provider's as they were booked, one a currency, and `exchanged_minor` how
    much of the payment's own money was moved to the exchange account because of them.
    """

    payment: str
    sequence: int | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    ignored_before: datetime | None = None
    # None while no money has come.
    fee_minor: int | None = None
    given_back_minor: int = 0
    entries: int = 0
    settlements: tuple[Settlement, ...] = ()
    exchanged_minor: int = 0
    # How much of `given_back_minor` is tax, which is not owed any more.
    given_back_tax_minor: int = 0


def is_stale(payment: Payment, applied: AppliedAnswer | None) -> bool:
    """
    Whether an answer may be older than one that was applied.

    The provider's sequence decides. Without one it must have been asked for after the other had
    come: of two polls at the same time it is unknown which was answered first, so the provider has
    to be polled once more.
    """
    if applied is None or payment.asked_at is None:
        return False
    if applied.ignored_before is not None and payment.asked_at < applied.ignored_before:
        return True
    if payment.sequence is not None and applied.sequence is not None:
        return payment.sequence < applied.sequence
    return applied.answered_at is not None and payment.asked_at < applied.answered_at


@dataclass(frozen=True, slots=True)
class Received:
    """Money that came: how much of it, and what it has led to."""

    allocation: Allocation
    amount_minor: int
    currency: str


def as_received(
    payment: Payment, received: Received, *, refunded_minor: int, fee_minor: int
) -> Payment:
    """
    Return what an answer says of the money that came, if it says another amount or currency now.

    The money that came does not change: a person has to look, and coins wait meanwhile. Numbers in
    another currency say nothing, so what was known of refunds and fees stays. Disputes name their
    own currency, and are followed.
    """
    warning = EarlyFraudWarning(f"changed:{payment.id}"[:128], Contradiction.PAYMENT_CHANGED.value)
    fitted = replace(
        payment, amount_minor=received.amount_minor, warnings=(*payment.warnings, warning)
    )
    if payment.currency == received.currency:
        return fitted
    return replace(
        fitted,
        currency=received.currency,
        refunded_minor=refunded_minor,
        fee_minor=fee_minor,
        refunds=(),
    )
