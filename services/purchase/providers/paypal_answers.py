"""What PayPal answers, read strictly: an answer that cannot be read is none."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import structlog
from pydantic import AwareDatetime, BaseModel, Field

from services.purchase.domain.contradictions import Contradiction
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
from services.purchase.providers.answers import country_in, deadline_in, fingerprint_of
from shared.http.provider_client import printable
from shared.observability.metrics import CONTRADICTIONS
from shared.vendors.paypal import Money

log = structlog.get_logger()

Id: TypeAlias = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]

INQUIRY = "inquiry"
_REFUNDS = {
    "PENDING": RefundStatus.PENDING,
    "COMPLETED": RefundStatus.SUCCEEDED,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}
# The merchant can hand in nothing while a dispute has one of these.
_NOT_ASKED = ("WAITING_FOR_BUYER_RESPONSE", "UNDER_REVIEW", "RESOLVED")
_LOST = ("RESOLVED_BUYER_FAVOUR", "ACCEPTED")
_CAME = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
# A payment that is pending for one of these waits for something that only the operator can do.
_OPERATOR_ACTS = (
    "INTERNATIONAL_WITHDRAWAL",
    "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION",
    "UNILATERAL",
)


class Link(BaseModel):
    """Where an answer leads to."""

    href: Annotated[str, Field(max_length=2_048)]
    rel: str


class _Breakdown(BaseModel):
    """What an account gets for a capture: in its currency, where that is another one."""

    paypal_fee: Money | None = None
    net_amount: Money | None = None
    paypal_fee_in_receivable_currency: Money | None = None
    receivable_amount: Money | None = None

    @property
    def balance(self) -> Money | None:
        return self.receivable_amount or self.net_amount

    @property
    def fee(self) -> Money | None:
        return self.paypal_fee_in_receivable_currency or self.paypal_fee


class _RefundBreakdown(BaseModel):
    """What leaves an account for a refund; the fee is what PayPal gives back of its own."""

    paypal_fee: Money | None = None
    net_amount: Money | None = None
    net_amount_in_receivable_currency: Money | None = None

    @property
    def balance(self) -> Money | None:
        return self.net_amount_in_receivable_currency or self.net_amount


class Refund(BaseModel):
    id: Id
    status: Literal["CANCELLED", "FAILED", "PENDING", "COMPLETED"]
    amount: Money | None = None
    custom_id: str | None = None
    seller_payable_breakdown: _RefundBreakdown | None = None

    @property
    def known_status(self) -> RefundStatus:
        return _REFUNDS[self.status]


class _StatusDetails(BaseModel):
    reason: str = ""


class _RelatedIds(BaseModel):
    order_id: Id | None = None


class _Supplementary(BaseModel):
    related_ids: _RelatedIds = _RelatedIds()


class Capture(BaseModel):
    """Money that was taken from a payer."""

    id: Id
    status: Literal["COMPLETED", "DECLINED", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED", "FAILED"]
    status_details: _StatusDetails | None = None
    amount: Money
    custom_id: str | None = None
    create_time: AwareDatetime
    seller_receivable_breakdown: _Breakdown | None = None
    supplementary_data: _Supplementary = _Supplementary()

    @property
    def has_come(self) -> bool:
        return self.status in _CAME


class _Payments(BaseModel):
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()


class _Unit(BaseModel):
    amount: Money
    custom_id: str | None = None
    payments: _Payments = _Payments()


class _Address(BaseModel):
    country_code: str = ""


class _Payer(BaseModel):
    address: _Address = _Address()
    payer_id: Annotated[str, Field(max_length=128)] | None = None


class _Source(BaseModel):
    """What an order was paid with; only the payer's account has an address."""

    paypal: _Payer = _Payer()


class Order(BaseModel):
    """What a payer is asked to approve, with what came of it."""

    id: Id
    status: Literal["CREATED", "SAVED", "APPROVED", "VOIDED", "COMPLETED", "PAYER_ACTION_REQUIRED"]
    purchase_units: Annotated[tuple[_Unit, ...], Field(min_length=1, max_length=1)]
    create_time: AwareDatetime
    update_time: AwareDatetime | None = None
    links: tuple[Link, ...] = ()
    payment_source: _Source | None = None
    payer: _Payer | None = None

    @property
    def country(self) -> str | None:
        """Return the country of the payer's account; older answers have it at the payer."""
        account = self.payment_source.paypal if self.payment_source else None
        codes = [each.address.country_code for each in (account, self.payer) if each]
        named = next(filter(None, codes), None)
        # PayPal's own code of China.
        return "CN" if named == "C2" else country_in(named)

    @property
    def unit(self) -> _Unit:
        return self.purchase_units[0]

    @property
    def capture(self) -> Capture | None:
        """Return the capture that has money, or may have it, before one that was declined."""
        captures = self.unit.payments.captures
        return max(
            captures, key=lambda each: (each.has_come, each.status == "PENDING"), default=None
        )

    @property
    def pay_url(self) -> str | None:
        found = [each.href for each in self.links if each.rel in ("payer-action", "approve")]
        return found[0] if found else None


class _Change(BaseModel):
    """A change of a party's balance because of a dispute."""

    affected_party: str = ""
    type: Literal["DEBIT", "CREDIT"]
    reason: str = ""
    amount: Money


class _Outcome(BaseModel):
    outcome_code: str = "NONE"


class PayPalDispute(BaseModel):
    dispute_id: Id
    reason: str = ""
    status: str
    dispute_amount: Money
    phase: Annotated[str, Field(alias="dispute_life_cycle_stage")]
    dispute_outcome: _Outcome | None = None
    changes: Annotated[tuple[_Change, ...], Field(alias="money_movements")] = ()
    # No money depends on these two, so a dispute is read even if they are malformed.
    seller_response_due_date: Any = None
    evidences: Any = None

    @property
    def evidence_due_at(self) -> datetime | None:
        """Return until when PayPal takes our evidence; a date without a question is none."""
        is_due = self.status not in _NOT_ASKED or self.has_submitted_evidence
        return deadline_in(self.seller_response_due_date) if is_due else None

    @property
    def has_submitted_evidence(self) -> bool:
        """Whether we handed evidence in, and PayPal has not asked again since."""
        evidences = self.evidences if isinstance(self.evidences, list) else []
        return self.status in _NOT_ASKED and any(
            isinstance(each, dict) and each.get("source") == "SUBMITTED_BY_SELLER"
            for each in evidences
        )

    @property
    def our_changes(self) -> list[_Change]:
        """Return the changes of our own balance."""
        return [each for each in self.changes if each.affected_party == "SELLER"]

    @property
    def is_inquiry(self) -> bool:
        """Whether it is a question only: a refund that answers it is seen as a refund."""
        return self.phase == "INQUIRY" and not self.our_changes

    @property
    def state(self) -> DisputeState:
        if self.status != "RESOLVED" or self.dispute_outcome is None:
            return DisputeState.OPEN
        return DisputeState.LOST if self.dispute_outcome.outcome_code in _LOST else DisputeState.WON

    def dispute(self, payment: str) -> Dispute:
        return Dispute(
            id=self.dispute_id,
            payment=payment,
            state=self.state,
            reason=printable(self.reason),
            amount_minor=self.dispute_amount.minor,
            currency=self.dispute_amount.currency_code,
            evidence_due_at=self.evidence_due_at,
            evidence_submitted=self.has_submitted_evidence,
        )


class DisputeReference(BaseModel):
    dispute_id: Id


class Disputes(BaseModel):
    """A page of a list, which has no items if there are none."""

    items: tuple[DisputeReference, ...] = ()
    links: tuple[Link, ...] = ()


def payment_of(order: Order, disputes: Sequence[PayPalDispute] = ()) -> Payment:
    """Return what PayPal says of a payment: the order is what we call the payment."""
    capture, refunds = order.capture, order.unit.payments.refunds
    amount = capture.amount if capture is not None else order.unit.amount
    seen = [_seen(refund, order.unit.custom_id) for refund in refunds]
    status = _status(order, capture)
    if capture is not None and status is Status.PROCESSING:
        _report_waiting(order.id, capture)
    return Payment(
        id=order.id,
        reference=order.unit.custom_id or "",
        status=status,
        amount_minor=amount.minor,
        currency=amount.currency_code,
        pay_url=order.pay_url,
        paid_at=_paid_at(capture),
        failure="declined" if capture is not None and status is Status.CANCELLED else None,
        refunded_minor=sum(each.amount_minor for each in seen if _has_gone(each)),
        disputes=tuple(each.dispute(order.id) for each in disputes if not each.is_inquiry),
        warnings=tuple(
            EarlyFraudWarning(each.dispute_id, INQUIRY) for each in disputes if each.is_inquiry
        ),
        refunds=tuple(seen),
        names=tuple(each.id for each in order.unit.payments.captures),
        settlements=_settlements(capture, refunds, disputes),
        is_approved=order.status == "APPROVED",
        fingerprint=fingerprint_of("paypal", order.payer.payer_id if order.payer else None),
        instrument_country=order.country,
    )


def _status(order: Order, capture: Capture | None) -> Status:
    if capture is not None:
        if capture.has_come:
            return Status.SUCCEEDED
        # An order is captured once: after a capture that failed there is no second try.
        return Status.PROCESSING if capture.status == "PENDING" else Status.CANCELLED
    if order.status == "VOIDED":
        return Status.CANCELLED
    # It is captured, and does not say yet with which result.
    return Status.PROCESSING if order.status == "COMPLETED" else Status.OPEN


def _paid_at(capture: Capture | None) -> datetime | None:
    return capture.create_time if capture is not None and capture.has_come else None


def _report_waiting(order: str, capture: Capture) -> None:
    reason = capture.status_details.reason if capture.status_details else ""
    if reason in _OPERATOR_ACTS:
        log.error("paypal.payment_waits_for_operator", payment=order, reason=reason)
        CONTRADICTIONS.labels(Contradiction.PAYMENT_WAITS.value).inc()


def _seen(refund: Refund, of_payment: str | None) -> RefundSeen:
    """Return a refund; one made elsewhere may have the reference of its payment, which is none."""
    assert refund.amount is not None, f"refund {refund.id} has no amount"
    reference = refund.custom_id if refund.custom_id != of_payment else None
    return RefundSeen(refund.id, reference, refund.known_status, refund.amount.minor)


def _has_gone(refund: RefundSeen) -> bool:
    """Whether the money is gone: what others requested and is under way has left our balance."""
    if refund.reference is None:
        return refund.status is not RefundStatus.FAILED
    return refund.status is RefundStatus.SUCCEEDED


def _settlements(
    capture: Capture | None,
    refunds: Iterable[Refund],
    disputes: Iterable[PayPalDispute],
) -> tuple[Settlement, ...]:
    """Add up what a payment did to our balances; nothing before PayPal knows its fee."""
    breakdown = capture.seller_receivable_breakdown if capture is not None else None
    if breakdown is None or breakdown.balance is None:
        return ()
    balances, fees = [(1, breakdown.balance)], [(1, breakdown.fee)]
    for refund in refunds:
        went = refund.seller_payable_breakdown
        if refund.known_status is not RefundStatus.FAILED and went is not None:
            balances.append((-1, went.balance or refund.amount or breakdown.balance))
            fees.append((-1, went.paypal_fee))
    for change in (each for dispute in disputes for each in dispute.our_changes):
        sign = 1 if change.type == "CREDIT" else -1
        balances.append((sign, change.amount))
        if change.reason.endswith("_FEE"):
            fees.append((-sign, change.amount))
    return tuple(
        Settlement(currency, _sum_of(balances, currency), _sum_of(fees, currency))
        for currency in sorted({each.currency_code for _, each in balances})
    )


def _sum_of(changes: Iterable[tuple[int, Money | None]], currency: str) -> int:
    return sum(
        sign * each.minor for sign, each in changes if each and each.currency_code == currency
    )
