"""Who gets money back for coins they have not used, how much, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.purchase.domain.purchases import Purchase, State
from shared.errors import Kind, Refusal

NOTHING_UNUSED = "nothing-unused"


class NotRefundable(Refusal):
    """No law or policy gives money back for this purchase; ask support if something is wrong."""

    kind = Kind.FORBIDDEN


class RefundTooLate(Refusal):
    """The time in which unused coins can be given back is over."""

    kind = Kind.FORBIDDEN


class RefundOpen(Refusal):
    """Another refund of this purchase is under way."""

    kind = Kind.CONFLICT


class NothingPaid(Refusal):
    """Nothing was paid for this purchase that could be given back."""

    kind = Kind.CONFLICT


class RefundState(StrEnum):
    """How far a refund has come; the last two are final."""

    REQUESTED = "requested"  # the wallet has yet to freeze the coins
    FROZEN = "frozen"  # the provider has yet to give the money back
    REFUNDED = "refunded"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Refund:
    """Coins that somebody wants to turn back into money."""

    viewer: str
    purchase: UUID
    id: UUID
    requested_by: str
    currency: str
    requested_at: datetime
    state: RefundState = RefundState.REQUESTED
    coins: int = 0
    amount_minor: int = 0
    reason: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """For how many days unused coins can be given back, by channel and country."""

    days: Mapping[str, Mapping[str, int]]

    def require_refundable(self, purchase: Purchase, *, now: datetime) -> None:
        """Refuse what no law and no promise gives back."""
        require_paid(purchase)
        assert purchase.paid_at is not None
        days = self.days.get(purchase.channel, {}).get(purchase.country or "")
        if days is None:
            raise NotRefundable(country=purchase.country, channel=purchase.channel)
        until = purchase.paid_at + timedelta(days=days)
        if now > until:
            raise RefundTooLate(days=days, until=until)


def require_paid(purchase: Purchase) -> None:
    if purchase.state not in (State.PAID, State.COMPLETED):
        raise NothingPaid(state=purchase.state.value)


def refund_minor(purchase: Purchase, unused_coins: int) -> int:
    """Return what the unused part of the price comes to, rounded up: in the consumer's favour."""
    assert 0 <= unused_coins <= purchase.coins
    return -(-purchase.amount_minor * unused_coins // purchase.coins)
