"""
What a provider status makes of a purchase.

It comes in any order and more than once, so every step follows from the set of facts known, and
a step that was taken is never taken again.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.disputes import (
    DisputeClosed,
    Disputed,
)
from services.purchase.domain.payment_consequences import RiskFlagged, follow_payment
from services.purchase.domain.purchases import (
    Allocation,
    CoinsDiffer,
    Dispute,
    NoPayment,
    Payment,
    ProviderStatus,
    Purchase,
    State,
    Status,
)
from services.purchase.domain.taxes import UNTAXED, TaxTable

CANCELLED = "cancelled"
_OPEN = (State.CREATED, State.PENDING)
_DEAD = (Status.FAILED, Status.CANCELLED)
_GIVEN_UP = (State.FAILED, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is there; the coins are owed."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The coins are there too."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider will not bring the money."""

    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """No payment came in time."""


Step: TypeAlias = Paid | Completed | Failed | Expired | Disputed | DisputeClosed | RiskFlagged


@dataclass(frozen=True, slots=True)
class Transition:
    """A purchase as it is now, and the steps that led there, each worth one fact."""

    purchase: Purchase
    steps: tuple[Step, ...] = ()
    # What the money of the payment led to, if this is when it came.
    allocation: Allocation | None = None
    # Disputes that are new or have moved.
    disputes: tuple[Dispute, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


def is_unwanted(purchase: Purchase, payment: Payment, *, now: datetime) -> bool:
    """
    Whether the payment must be cancelled at the provider before its status is applied.

    A declined payment could still be paid at a second try, an expired one in the very moment we
    give it up, and a second one for a purchase that is paid would be paid for nothing.
    """
    if payment.status is Status.FAILED:
        return True
    if payment.status is not Status.OPEN:
        return False
    return now >= purchase.expires_at or purchase.paid_at is not None


def is_to_capture(purchase: Purchase, payment: Payment, *, now: datetime) -> bool:
    """Whether to take the money that the payer agreed to: only for what is still to be paid."""
    is_wanted = purchase.state in _OPEN and not is_unwanted(purchase, payment, now=now)
    return payment.is_approved and payment.status is Status.OPEN and is_wanted


def take_steps(
    purchase: Purchase,
    status: ProviderStatus,
    *,
    allocations: Mapping[str, Allocation],
    disputes: Mapping[str, Dispute],
    now: datetime,
    ours_minor: int = 0,
    known_warnings: Container[str] = (),
    newer: bool = False,
    taxes: TaxTable = UNTAXED,
) -> Transition:
    """
    Take the steps that the provider status allows and that were not taken before.

    What is unwanted has been cancelled before: a payment that failed has failed for good.
    `allocations` is the money that came before, by payment; `disputes` the known ones, by id;
    `ours_minor` what was refunded because we asked for it; `known_warnings` those that were
    published; `newer` whether this answer is known to be newer than all that is known; `taxes`
    the rates of the tax that the price holds.
    """
    if isinstance(status, NoPayment):
        purchase, steps = _give_up(purchase, status.reason, now)
        return Transition(_count(purchase, steps), steps)

    assert status.reference == str(purchase.id)
    purchase, steps, came = _attach(purchase, status), (), None
    if status.status is Status.SUCCEEDED and status.id not in allocations:
        came = _allocate(purchase, status)
        purchase, steps = _receive(purchase, status, came, taxes, now)
    elif status.status in _DEAD and status.id == purchase.payment:
        purchase, steps = _give_up(purchase, status.failure or CANCELLED, now)
    more = follow_payment(
        status,
        disputes,
        allocation=came or allocations.get(status.id),
        ours_minor=ours_minor,
        known_warnings=known_warnings,
        newer=newer,
    )
    steps = (*steps, *more.steps)
    return Transition(_count(purchase, steps), steps, came, more.disputes, more.contradictions)


def apply_credit(purchase: Purchase, *, coins: int, at: datetime) -> Transition:
    """The wallet has the coins; the purchase is complete once its payment is known as well."""
    if coins != purchase.all_coins:
        raise CoinsDiffer(
            purchase=purchase.id,
            credited_coins=coins,
            bought_coins=purchase.all_coins,
        )
    if purchase.credited_at is not None:
        return Transition(purchase)
    purchase, steps = _complete(replace(purchase, credited_at=at))
    return Transition(_count(purchase, steps), steps)


def _attach(purchase: Purchase, payment: Payment) -> Purchase:
    """Remember where to pay: the first payment the provider made for the purchase."""
    if purchase.payment is not None or purchase.state is not State.CREATED:
        return purchase
    purchase = replace(purchase, payment=payment.id, next_action_url=payment.pay_url)
    return replace(purchase, state=State.PENDING) if payment.pay_url else purchase


def _allocate(purchase: Purchase, payment: Payment) -> Allocation:
    if purchase.paid_at is not None:
        return Allocation.OVERPAYMENT
    # What was given back before we knew of the payment at all buys nothing, also in part.
    if not _is_as_asked(purchase, payment) or payment.refunded_minor:
        return Allocation.MISMATCHED
    return Allocation.APPLIED


def _is_as_asked(purchase: Purchase, payment: Payment) -> bool:
    """Whether what we asked for was paid; a store sets the price, and sells what we named."""
    if purchase.product is None:
        asked = (purchase.amount_minor, purchase.currency)
        return payment.product is None and (payment.amount_minor, payment.currency) == asked
    return (payment.product, payment.quantity) == (purchase.product, 1) and payment.amount_minor > 0


def _receive(
    purchase: Purchase,
    payment: Payment,
    allocation: Allocation,
    taxes: TaxTable,
    now: datetime,
) -> tuple[Purchase, tuple[Step, ...]]:
    if allocation is Allocation.OVERPAYMENT:
        return purchase, ()
    late = purchase.late or purchase.state in _GIVEN_UP
    if allocation is Allocation.MISMATCHED:
        return replace(_without_promises(purchase), state=State.MISMATCHED, late=late), ()
    # Not before it was asked for: the provider's clock may be wrong, and time runs from here.
    paid_at = max(payment.paid_at or now, purchase.created_at)
    paid = replace(
        purchase,
        state=State.PAID,
        payment=payment.id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        late=late,
        paid_at=paid_at,
        payment_fingerprint=payment.fingerprint,
    )
    tax = taxes.tax_in(
        payment.amount_minor, country=purchase.country, channel=purchase.channel, at=paid_at
    )
    purchase, steps = _complete(paid.taxed(tax))
    return purchase, (Paid(), *steps)


def _complete(purchase: Purchase) -> tuple[Purchase, tuple[Step, ...]]:
    if purchase.state is State.PAID and purchase.credited_at is not None:
        return replace(purchase, state=State.COMPLETED), (Completed(),)
    return purchase, ()


def _give_up(
    purchase: Purchase, reason: str | None, now: datetime
) -> tuple[Purchase, tuple[Step, ...]]:
    """No money will come, as far as the provider knows."""
    if purchase.state not in _OPEN:
        return purchase, ()
    purchase = _without_promises(purchase)
    if now >= purchase.expires_at and reason in (None, CANCELLED):
        return replace(purchase, state=State.EXPIRED), (Expired(),)
    return replace(purchase, state=State.FAILED), (Failed(reason or CANCELLED),)


def _without_promises(purchase: Purchase) -> Purchase:
    """Give up what others may have from now on: money that still comes buys what it pays for."""
    return replace(purchase, first_purchase_coins=0, promo_coins=0)


def _count(purchase: Purchase, steps: tuple[Step, ...]) -> Purchase:
    """Every fact is one version of the purchase."""
    return replace(purchase, version=purchase.version + len(steps))
