"""Refunds of unused coins: which are allowed, how much money, and until when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.purchase.domain.deadlines import Calendar, end_of_period
from services.purchase.domain.disputes import claims
from services.purchase.domain.purchases import Dispute, Purchase, State
from services.purchase.domain.taxes import tax_of_next_part
from shared.errors import Kind, Refusal
from shared.money import Rounding, payable, prorate

NOTHING_UNUSED = "nothing-unused"
# The bank has the money, or may get it: it does not go back a second time.
DISPUTED = "disputed"
# The provider took the refund, and its money came back.
FAILED = "failed"
# A person found out that its money never went.
UNRESOLVED = "unresolved"


class NotRefundable(Refusal):
    """No law or policy gives money back for this purchase; ask support if something is wrong."""

    kind = Kind.FORBIDDEN


class RefundTooLate(Refusal):
    """The time in which unused coins can be given back is over."""

    kind = Kind.FORBIDDEN


class RefundOpen(Refusal):
    """Another refund of this purchase is under way."""

    kind = Kind.CONFLICT


class PurchaseDisputed(Refusal):
    """The bank has been asked for the money of this purchase, or has it; it is not refunded too."""

    kind = Kind.CONFLICT


class NoSuchRefund(Refusal):
    """There is no such refund."""

    kind = Kind.NOT_FOUND


class RefundResolvable(Refusal):
    """The provider still decides this refund, or has: there is nothing for a person to decide."""

    kind = Kind.CONFLICT


class NothingPaid(Refusal):
    """Nothing was paid for this purchase that could be given back."""

    kind = Kind.CONFLICT


class RefundState(StrEnum):
    """How far a refund has come."""

    REQUESTED = "requested"  # the wallet has yet to hold the coins
    HELD = "frozen"  # the provider has yet to give the money back
    REFUNDED = "refunded"  # declined later, if the money comes back
    DECLINED = "declined"  # for good


@dataclass(frozen=True, slots=True)
class Refund:
    """A request to turn unused coins back into money."""

    viewer: str
    purchase: UUID
    id: UUID
    requested_by: str
    currency: str
    requested_at: datetime
    state: RefundState = RefundState.REQUESTED
    coins: int = 0
    amount_minor: int = 0
    # How much of the amount is tax.
    tax_minor: int = 0
    reason: str | None = None
    decided_at: datetime | None = None
    # When it was first sent; `checks` counts the turns taken before that was recorded.
    submitted_at: datetime | None = None
    # As the provider calls it, if it has accepted it and has yet to make it.
    provider_refund: str | None = None
    # Since when a person has to find out what became of it.
    unresolved_at: datetime | None = None
    checks: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in (RefundState.REQUESTED, RefundState.HELD)

    @property
    def is_sent(self) -> bool:
        """Whether it may have been sent to the provider: then its money may have gone."""
        return self.submitted_at is not None or self.checks > 0

    def declined(self, reason: str, *, now: datetime) -> "Refund":
        return replace(self, state=RefundState.DECLINED, reason=reason, decided_at=now)

    def refunded(self, *, now: datetime) -> "Refund":
        return replace(self, state=RefundState.REFUNDED, reason=None, decided_at=now)


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """
    For how many days unused coins can be given back, by channel and country.

    The last of them ends as the law of the country counts it: see `deadlines`.
    """

    days: Mapping[str, Mapping[str, int]]
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def days_of(self, channel: str, country: str | None) -> int | None:
        """Return for how many days a purchase that is made now can be given back, if at all."""
        return self.days.get(channel, {}).get(country or "")

    def ends_at(self, purchase: Purchase) -> datetime | None:
        """
        Return when the time to give a purchase back ends; None if there is none, or no payment.

        A purchase keeps the days that it was made under; holidays that are declared later count.
        """
        if purchase.paid_at is None or purchase.withdrawal_days is None:
            return None
        return end_of_period(
            self.calendars, purchase.country, purchase.paid_at, purchase.withdrawal_days
        )

    def require_refundable(self, purchase: Purchase, *, now: datetime) -> None:
        """Refuse what no law and no promise gives back; who withdrew in time is never too late."""
        require_paid(purchase)
        until = self.ends_at(purchase)
        if until is None:
            raise NotRefundable(country=purchase.country, channel=purchase.channel)
        if now >= until and purchase.withdrawn_at is None:
            raise RefundTooLate(days=purchase.withdrawal_days, until=until)


def is_disputed(purchase: Purchase, disputes: Iterable[Dispute]) -> bool:
    """Whether a bank has been asked for the money that bought the coins, or has it."""
    return any(claims(each) and each.payment == purchase.payment for each in disputes)


def require_paid(purchase: Purchase) -> None:
    if purchase.state not in (State.PAID, State.COMPLETED):
        raise NothingPaid(state=purchase.state.value)


def refund_minor(purchase: Purchase, unused_coins: int, *, given_back_minor: int = 0) -> int:
    """
    Return how much money goes back for unused coins, rounded up: in the consumer's favour.

    The price bought all coins of the purchase, its bonus included: each is worth the same part of
    it, so that a bonus that was given away is not refunded as well. Promo coins do not count: they
    may have expired, and what was paid for is worth no less then. `given_back_minor` went back
    before: several refunds never come to more than the price, and all coins at once to all of it.
    An amount that no card takes, as 3.055 KWD, is rounded up to the next that can be paid.
    """
    assert unused_coins >= 0
    total = purchase.coins + purchase.all_bonus_coins
    share_minor = prorate(purchase.amount_minor, min(unused_coins, total), total, Rounding.UP)
    worth_minor = payable(share_minor, purchase.currency)
    return max(0, min(worth_minor, purchase.amount_minor - given_back_minor))


def refund_tax_minor(purchase: Purchase, amount_minor: int, refunds: Iterable[Refund]) -> int:
    """Return how much of the next refund is tax, after those of `refunds` that were made."""
    made = [
        (each.amount_minor, each.tax_minor)
        for each in refunds
        if each.state is RefundState.REFUNDED
    ]
    return tax_of_next_part(
        purchase.tax_minor, purchase.amount_minor, part_minor=amount_minor, before=made
    )
