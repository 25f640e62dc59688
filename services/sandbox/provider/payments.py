"""A payment as the provider keeps and shows it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.money import Rounding, prorate


class Status(StrEnum):
    """The state of a payment."""

    OPEN = "open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Payment:
    """Money that a shop asks for."""

    amount_minor: int
    currency: str
    reference: str
    description: str
    return_url: str | None
    pay_url: str
    id: str
    created_at: datetime
    status: Status = Status.OPEN
    failure_reason: str | None = None
    paid_at: datetime | None = None
    card: str | None = None
    # Tells cards of the same number apart; None for a card that is anybody's.
    fingerprint: str | None = None
    card_country: str | None = None
    refunds: list[dict[str, Any]] = field(default_factory=list)
    disputes: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    # Counts every change: of two answers the one with the higher sequence is newer.
    sequence: int = 1

    @property
    def refunded_minor(self) -> int:
        """What was refunded and did not fail later."""
        return self._refunds_minor("succeeded")

    @property
    def refundable_minor(self) -> int:
        paid_minor = self.amount_minor if self.status is Status.SUCCEEDED else 0
        return paid_minor - self._refunds_minor("succeeded", "pending")

    def _refunds_minor(self, *statuses: str) -> int:
        return sum(each["amount_minor"] for each in self.refunds if each["status"] in statuses)

    @property
    def fee_minor(self) -> int:
        """What a card costs: 2.9 % and 30 of the smallest unit, but never more than was paid."""
        percentage_minor = prorate(self.amount_minor, 29, 1_000, Rounding.UP)
        return min(self.amount_minor, percentage_minor + 30)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "sequence": self.sequence,
            "status": self.status.value,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "reference": self.reference,
            "description": self.description,
            "pay_url": self.pay_url,
            "created_at": self.created_at.isoformat(),
            "paid_at": self.paid_at.isoformat() if self.paid_at else None,
            "failure_reason": self.failure_reason,
            "fingerprint": self.fingerprint,
            "refunded_minor": self.refunded_minor,
            "fee_minor": self.fee_minor if self.status is Status.SUCCEEDED else 0,
            "refunds": self.refunds,
            "disputes": self.disputes,
            "warnings": self.warnings,
            "card_country": self.card_country,
        }
