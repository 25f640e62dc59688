"""What the sandbox answers, read strictly: an answer that cannot be read is none."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

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

# An earlier time of payment comes from a clock that is wrong.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
_Sequence = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
_Id = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class _Dispute(BaseModel):
    id: _Id
    status: DisputeState
    reason: str = ""
    amount_minor: _Amount
    currency: _Currency
    evidence_due_at: Any = None
    evidence_submitted: bool = False


class _Warning(BaseModel):
    id: _Id
    reason: str = ""


class _RefundSeen(BaseModel):
    id: _Id
    # Our reference; None if the refund was requested elsewhere, such as in a dashboard.
    refund_reference: str | None = None
    status: RefundStatus
    amount_minor: _Amount


class _Settlement(BaseModel):
    currency: _Currency
    balance_minor: Annotated[int, Field(strict=True, ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
    fee_minor: _Amount

    def settlement(self) -> Settlement:
        return Settlement(self.currency, self.balance_minor, self.fee_minor)


class RefundAnswer(BaseModel):
    id: _Id
    status: RefundStatus


class PaymentAnswer(BaseModel):
    """What we read of a payment; other fields are ignored."""

    id: _Id
    reference: str
    status: Status
    amount_minor: _Amount
    currency: _Currency
    pay_url: Annotated[str, Field(max_length=2_048)] | None = None
    paid_at: AwareDatetime | None = None
    failure_reason: str | None = None
    sequence: _Sequence | None = None
    refunded_minor: _Amount = 0
    fee_minor: _Amount = 0
    refunds: tuple[_RefundSeen, ...] = ()
    disputes: tuple[_Dispute, ...] = ()
    warnings: tuple[_Warning, ...] = ()
    names: tuple[_Id, ...] = ()
    settlements: tuple[_Settlement, ...] = ()
    fingerprint: Annotated[str, Field(max_length=128)] | None = None
    card_country: str | None = None

    def payment(self) -> Payment:
        return Payment(
            id=self.id,
            reference=self.reference,
            status=self.status,
            amount_minor=self.amount_minor,
            currency=self.currency,
            pay_url=self.pay_url,
            paid_at=self.paid_at if self.paid_at and self.paid_at >= EARLIEST else None,
            failure=printable(self.failure_reason) if self.failure_reason else None,
            refunded_minor=self.refunded_minor,
            fee_minor=self.fee_minor,
            sequence=self.sequence,
            names=self.names,
            settlements=tuple(each.settlement() for each in self.settlements),
            fingerprint=fingerprint_of("sandbox", self.fingerprint),
            instrument_country=country_in(self.card_country),
            refunds=tuple(
                RefundSeen(each.id, each.refund_reference, each.status, each.amount_minor)
                for each in self.refunds
            ),
            warnings=tuple(
                EarlyFraudWarning(each.id, printable(each.reason)) for each in self.warnings
            ),
            disputes=tuple(
                Dispute(
                    id=dispute.id,
                    payment=self.id,
                    state=dispute.status,
                    reason=printable(dispute.reason),
                    amount_minor=dispute.amount_minor,
                    currency=dispute.currency,
                    evidence_due_at=deadline_in(dispute.evidence_due_at),
                    evidence_submitted=dispute.evidence_submitted,
                )
                for dispute in self.disputes
            ),
        )


class Payments(BaseModel):
    items: tuple[PaymentAnswer, ...]


class About(BaseModel):
    object: dict[str, Any]

    def payment(self) -> str | None:
        """The payment itself, or the one that a refund or dispute belongs to."""
        return text_of(self.object.get("payment")) or text_of(self.object.get("id"))

    def reference(self) -> str | None:
        return text_of(self.object.get("reference"))


class Webhook(BaseModel):
    type: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    data: About
