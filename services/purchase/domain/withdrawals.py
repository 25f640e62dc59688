"""Withdrawals from purchases: a right of the law, for some days after the payment."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.purchase.domain.purchases import Purchase
from services.purchase.domain.refunds import RefundPolicy, require_paid
from shared.errors import Kind, Refusal


class NotWithdrawable(Refusal):
    """No law lets you withdraw from this purchase here; ask support if something is wrong."""

    kind = Kind.FORBIDDEN


class WithdrawalTooLate(Refusal):
    """The time in which you could withdraw from this purchase is over."""

    kind = Kind.FORBIDDEN


class AlreadyWithdrawn(Refusal):
    """You have withdrawn from this purchase before: read its withdrawal."""

    kind = Kind.CONFLICT


class NoSuchWithdrawal(Refusal):
    """There is no such withdrawal."""

    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """
    A viewer's statement that they withdraw from a purchase, and what followed at once.

    `received_at` is when the request came, `period_ends_at` the end of the time for it as it was
    then. The unused coins go back by `refund`; without one, `reason` says why.
    """

    viewer: str
    purchase: UUID
    id: UUID
    consumer_name: str
    reply_to: str | None
    received_at: datetime
    period_ends_at: datetime
    refund: UUID | None
    reason: str | None


def withdrawable_until(purchase: Purchase, policy: RefundPolicy) -> datetime | None:
    """Return until when its viewer can withdraw from a purchase; None if they cannot."""
    return None if purchase.withdrawn_at is not None else policy.ends_at(purchase)


def require_withdrawable(purchase: Purchase, policy: RefundPolicy, *, at: datetime) -> datetime:
    """Refuse a withdrawal without a right or after its time; return when that time ends."""
    if purchase.withdrawn_at is not None:
        raise AlreadyWithdrawn(purchase=purchase.id, withdrawn_at=purchase.withdrawn_at)
    require_paid(purchase)
    until = policy.ends_at(purchase)
    if until is None:
        raise NotWithdrawable(country=purchase.country, channel=purchase.channel)
    if at >= until:
        raise WithdrawalTooLate(days=purchase.withdrawal_days, until=until)
    return until
