"""What Stripe answers, read strictly: an answer that cannot be read is none."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.domain.purchases import (
    Dispute,
    DisputeState,
    EarlyFraudWarning,
    Payment,
    RefundSeen,
    RefundStatus,
    Settlement,
    Status,
)
from services.purchase.providers.answers import country_in, deadline_in, fingerprint_of, text_of
from shared.contracts.base import AMOUNT_MAX
from shared.http.provider_client import printable
from shared.vendors.stripe import balance_from_stripe, from_stripe
from shared.vendors.stripe_objects import Id

log = structlog.get_logger()

_Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
_Change = Annotated[int, Field(strict=True, ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
_Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
_Second = Annotated[int, Field(strict=True, ge=946_684_800, lt=2**33)]

_REFUNDS = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_DISPUTES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    # The money was given back before the bank decided.
    "prevented": DisputeState.LOST,
}
INQUIRY, PREVENTED = "inquiry", "prevented"


class Transaction(BaseModel):
    """A change of the balance: `net` is `amount` without `fee`, in the currency of the balance."""

    id: Id
    currency: _Currency
    net: _Change
    fee: _Change
    created: _Second


class _MethodDetails(BaseModel):
    """What a charge was paid with: the details of a method stand under its name."""

    model_config = ConfigDict(extra="allow")

    type: str = ""

    @property
    def country(self) -> str | None:
        """Return the country of the card or the bank account, for methods that have one."""
        return country_in(self._details.get("country"))

    @property
    def fingerprint(self) -> str | None:
        """Return what Stripe calls the card or account: the same in all payments to us."""
        return text_of(self._details.get("fingerprint"))

    @property
    def _details(self) -> dict[str, Any]:
        details = (self.model_extra or {}).get(self.type)
        return details if isinstance(details, dict) else {}


class _Charge(BaseModel):
    id: Id
    created: _Second
    payment_method_details: _MethodDetails | None = None
    # None for some moments after a payment, until Stripe knows what it costs.
    balance_transaction: Transaction | None = None


class _PaymentError(BaseModel):
    code: str | None = None


class _Intent(BaseModel):
    id: Id
    status: str
    amount_received: _Amount
    currency: _Currency
    latest_charge: _Charge | None = None
    last_payment_error: _PaymentError | None = None


class SessionReference(BaseModel):
    """Which purchase a session is of."""

    id: Id
    client_reference_id: str | None = None


class Session(SessionReference):
    """A Checkout session, with its payment intent, the charge and its balance transaction."""

    status: Literal["open", "complete", "expired"]
    payment_status: Literal["paid", "unpaid"]
    amount_total: _Amount
    currency: _Currency
    payment_intent: _Intent | None = None
    url: Annotated[str, Field(max_length=2_048)] | None = None

    @property
    def is_paid(self) -> bool:
        intent = self.payment_intent
        return self.payment_status == "paid" or (intent is not None and intent.status == _PAID)


class RefundReference(BaseModel):
    """A refund as it is answered when it is created: its balance transaction is only named."""

    id: Id
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]

    @property
    def known_status(self) -> RefundStatus:
        return _REFUNDS[self.status]


class Refund(RefundReference):
    """A refund of a payment, with what it did to our balance."""

    amount: _Amount
    currency: _Currency
    metadata: dict[str, str] | None = None
    balance_transaction: Transaction | None = None
    failure_balance_transaction: Transaction | None = None

    @property
    def reference(self) -> str | None:
        """Our own id of it; None if it was requested elsewhere, such as in the dashboard."""
        return (self.metadata or {}).get("refund")


class DisputeStatus(StrEnum):
    """Stripe's words. A `warning` is an inquiry: no money has moved."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"

    @property
    def is_inquiry(self) -> bool:
        return self.value.startswith("warning_")


class StripeDispute(BaseModel):
    id: Id
    status: DisputeStatus
    reason: str = ""
    amount: _Amount
    currency: _Currency
    balance_transactions: tuple[Transaction, ...] = ()
    # No money depends on it, so a dispute is read even if it is malformed.
    evidence_details: Any = None

    @property
    def evidence_due_at(self) -> datetime | None:
        """Return until when the bank takes evidence; Stripe writes 0 if it takes none."""
        return deadline_in(self._evidence.get("due_by"))

    @property
    def has_submitted_evidence(self) -> bool:
        """Whether evidence went to the bank: `has_evidence` is only what was saved as a draft."""
        count = self._evidence.get("submission_count")
        was_sent = isinstance(count, int) and count > 0
        return was_sent or self.status is DisputeStatus.UNDER_REVIEW

    @property
    def _evidence(self) -> dict[str, Any]:
        return self.evidence_details if isinstance(self.evidence_details, dict) else {}

    def warning(self) -> EarlyFraudWarning | None:
        """Return the warning that it is, if it takes no money."""
        if self.status.is_inquiry:
            return EarlyFraudWarning(self.id, INQUIRY)
        # Where a programme gives the money back by a refund, the refund is the one that counts.
        if self.status is DisputeStatus.PREVENTED and not self.balance_transactions:
            return EarlyFraudWarning(self.id, PREVENTED)
        return None

    def dispute(self, payment: str) -> Dispute:
        return Dispute(
            id=self.id,
            payment=payment,
            state=_DISPUTES[self.status.value],
            reason=printable(self.reason),
            amount_minor=from_stripe(self.amount, self.currency.upper()),
            currency=self.currency.upper(),
            evidence_due_at=self.evidence_due_at,
            evidence_submitted=self.has_submitted_evidence,
        )


class FraudWarning(BaseModel):
    id: Id
    fraud_type: str = ""


_PAID = "succeeded"
# The payment was tried and ended: Checkout offers no second try once a session is complete.
_ENDED = ("requires_payment_method", "canceled")


def payment_of(
    session: Session,
    refunds: Sequence[Refund] = (),
    disputes: Sequence[StripeDispute] = (),
    warnings: Sequence[FraudWarning] = (),
) -> Payment:
    """Return what Stripe says of a payment: the session is what we call the payment."""
    intent = session.payment_intent
    charge = intent.latest_charge if intent else None
    is_paid = session.is_paid
    currency = (intent.currency if is_paid and intent else session.currency).upper()
    amount = intent.amount_received if is_paid and intent else session.amount_total
    seen = [_seen(refund, currency) for refund in refunds]
    transaction = charge.balance_transaction if charge else None
    paid_at = transaction or charge
    details = (charge.payment_method_details if charge else None) or _MethodDetails()
    return Payment(
        id=session.id,
        reference=session.client_reference_id or "",
        status=_status(session),
        amount_minor=from_stripe(amount, currency),
        currency=currency,
        pay_url=session.url,
        paid_at=datetime.fromtimestamp(paid_at.created, UTC) if is_paid and paid_at else None,
        failure=_failure(session),
        refunded_minor=sum(each.amount_minor for each in seen if _has_gone(each)),
        disputes=tuple(each.dispute(session.id) for each in disputes if not each.warning()),
        warnings=(
            *(EarlyFraudWarning(each.id, printable(each.fraud_type)) for each in warnings),
            *(warning for each in disputes if (warning := each.warning())),
        ),
        refunds=tuple(seen),
        names=tuple(each.id for each in (intent, charge) if each),
        settlements=_settlements(transaction, refunds, disputes),
        instrument_country=details.country,
        fingerprint=fingerprint_of("stripe", details.fingerprint),
    )


def _status(session: Session) -> Status:
    if session.is_paid:
        return Status.SUCCEEDED
    if session.status == "open":
        return Status.OPEN
    intent = session.payment_intent
    if session.status == "expired" or (intent is not None and intent.status in _ENDED):
        return Status.CANCELLED
    return Status.PROCESSING


def _failure(session: Session) -> str | None:
    """Return why a payment that was tried did not come; an expired session was not paid at all."""
    intent = session.payment_intent
    if session.status != "complete" or intent is None or intent.last_payment_error is None:
        return None
    return printable(intent.last_payment_error.code or "declined")


def _seen(refund: Refund, currency: str) -> RefundSeen:
    amount_minor = from_stripe(refund.amount, currency)
    return RefundSeen(refund.id, refund.reference, refund.known_status, amount_minor)


def _has_gone(refund: RefundSeen) -> bool:
    """Whether the money is gone: what others requested and is under way has left our balance."""
    if refund.reference is None:
        return refund.status is not RefundStatus.FAILED
    return refund.status is RefundStatus.SUCCEEDED


def _settlements(
    paid: Transaction | None,
    refunds: Iterable[Refund],
    disputes: Iterable[StripeDispute],
) -> tuple[Settlement, ...]:
    """
    Add up what changed our balances because of a payment; nothing before Stripe knows its fee.

    There are several where Stripe paid out in another currency when the money went back.
    """
    if paid is None:
        return ()
    changes = {paid.id: paid}
    for refund in refunds:
        for change in (refund.balance_transaction, refund.failure_balance_transaction):
            if change is not None:
                changes[change.id] = change
    for dispute in disputes:
        changes |= {change.id: change for change in dispute.balance_transactions}
    currencies = sorted({each.currency for each in changes.values()})
    return tuple(
        _settlement(currency, [each for each in changes.values() if each.currency == currency])
        for currency in currencies
    )


def _settlement(written: str, changes: Sequence[Transaction]) -> Settlement:
    currency = written.upper()
    net, fee = sum(each.net for each in changes), sum(each.fee for each in changes)
    balance_minor = balance_from_stripe(net, currency)
    gross_minor = balance_from_stripe(net + fee, currency)
    return Settlement(currency, balance_minor, gross_minor - balance_minor)
