"""What the provider answers, read strictly: whatever cannot be read is no answer."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from services.purchase.domain.purchases import (
    Dispute,
    DisputeState,
    Payment,
    RefundSeen,
    RefundStatus,
    Status,
    Warned,
)
from shared.contracts.base import AMOUNT_MAX

WORD_CHARACTERS_MAX = 64
# A documented refusal has one of these, and a body that says why; anything else says nothing.
REFUSED = (400, 422)
# These refuse the request, not what it asks for: something was asked under its key before.
ABOUT_THE_KEY = ("key-reused", "idempotency-key-in-use")

# Whoever paid before that has no clock that says anything.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
_Sequence = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
_Id = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_Model = TypeVar("_Model", bound=BaseModel)


class ProviderSilent(Exception):
    """The provider gave no answer that can be used; asking again later may help."""


class PaymentRefused(Exception):
    """The provider will not make this payment, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefundRefused(Exception):
    """The provider will not give this money back, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Dispute(BaseModel):
    id: _Id
    status: DisputeState
    reason: str = ""
    amount_minor: _Amount
    currency: _Currency


class _Warning(BaseModel):
    id: _Id
    reason: str = ""


class _RefundSeen(BaseModel):
    id: _Id
    # What we called it when we asked for it; others may have asked as well.
    refund_reference: str | None = None
    status: RefundStatus
    amount_minor: _Amount


class Refund(BaseModel):
    """A refund as it is when it was asked for: accepted is not made."""

    id: _Id
    status: RefundStatus


class _Payment(BaseModel):
    """What we read of a payment; whatever else a provider says of it is its own affair."""

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

    def payment(self) -> Payment:
        return Payment(
            id=self.id,
            reference=self.reference,
            status=self.status,
            amount_minor=self.amount_minor,
            currency=self.currency,
            pay_url=self.pay_url,
            paid_at=self.paid_at if self.paid_at and self.paid_at >= EARLIEST else None,
            failure=_word(self.failure_reason) if self.failure_reason else None,
            refunded_minor=self.refunded_minor,
            fee_minor=self.fee_minor,
            sequence=self.sequence,
            refunds=tuple(
                RefundSeen(each.id, each.refund_reference, each.status, each.amount_minor)
                for each in self.refunds
            ),
            warnings=tuple(Warned(each.id, _word(each.reason)) for each in self.warnings),
            disputes=tuple(
                Dispute(
                    id=dispute.id,
                    payment=self.id,
                    state=dispute.status,
                    reason=_word(dispute.reason),
                    amount_minor=dispute.amount_minor,
                    currency=dispute.currency,
                )
                for dispute in self.disputes
            ),
        )


class Payments(BaseModel):
    items: tuple[_Payment, ...]


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


def payment_in(response: httpx.Response) -> Payment:
    return parsed(_Payment, response).payment()


def answered(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise ProviderSilent(f"{response.request.url.path} answered {response.status_code}")
    return response


def parsed(model: type[_Model], response: httpx.Response) -> _Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ProviderSilent(f"{response.request.url.path} is unreadable: {faults[0]}") from None


def refusal_in(response: httpx.Response) -> str | None:
    """
    Return the provider's word for why it refuses for good, as one we can pass on.

    None if it does not: a proxy's page, too many requests, or a key that is in use or was used
    for something else say nothing of what becomes of what was asked.
    """
    if response.status_code not in REFUSED:
        return None
    try:
        reason = response.json()["type"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(reason, str) or not reason or reason in ABOUT_THE_KEY:
        return None
    return _word(reason)


def _word(value: str) -> str:
    """Make a name of whatever a provider calls something: it ends up in facts and in logs."""
    kept = "".join(character for character in value if character.isprintable())
    return kept[:WORD_CHARACTERS_MAX] or "unknown"


def text_of(value: object) -> str | None:
    """Return an id that can be stored and sent, if it is one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
