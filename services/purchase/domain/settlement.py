"""
What the provider's word makes of a purchase.

It comes in any order and more than once, so every step follows from the set of facts known, and
a step that was taken is never taken again.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from services.purchase.domain.purchases import (
    CoinsDiffer,
    Dispute,
    DisputeState,
    NoPayment,
    Payment,
    Purchase,
    Standing,
    State,
    Status,
    Truth,
    Warned,
)

CANCELLED = "cancelled"
ELSEWHERE = "refunded-elsewhere"
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
    """Nobody paid in time."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """The bank wants the money back."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class DisputeClosed:
    """The bank has decided."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class RiskFlagged:
    """The provider warns that it may be fraud."""

    warning: Warned


Step: TypeAlias = Paid | Completed | Failed | Expired | Disputed | DisputeClosed | RiskFlagged


@dataclass(frozen=True, slots=True)
class Settlement:
    """A purchase as it is now, and the steps that led there, each worth one fact."""

    purchase: Purchase
    steps: tuple[Step, ...] = ()
    # What the money of the payment led to, if this is when it came.
    standing: Standing | None = None
    # Disputes that are new or have moved.
    disputes: tuple[Dispute, ...] = ()


def is_unwanted(purchase: Purchase, payment: Payment, *, now: datetime) -> bool:
    """
    Whether the payment must be cancelled at the provider before its status is settled.

    A declined payment could still be paid at a second try, an expired one in the very moment we
    give it up, and a second one for a purchase that is paid would be paid for nothing.
    """
    if payment.status is Status.FAILED:
        return True
    if payment.status is not Status.OPEN:
        return False
    return now >= purchase.expires_at or purchase.paid_at is not None


def settle(
    purchase: Purchase,
    truth: Truth,
    *,
    standings: Mapping[str, Standing],
    disputes: Mapping[str, Dispute],
    now: datetime,
    ours_minor: int = 0,
    warned: Container[str] = (),
) -> Settlement:
    """
    Take the steps that the provider's word allows and that were not taken before.

    What is unwanted has been cancelled before: a payment that failed has failed for good.
    `standings` is the money that came before, by payment; `disputes` the known ones, by id;
    `ours_minor` what we asked to be refunded; `warned` the warnings that were passed on.
    """
    if isinstance(truth, NoPayment):
        purchase, steps = _give_up(purchase, truth.reason, now)
        return Settlement(_count(purchase, steps), steps)

    assert truth.reference == str(purchase.id)
    purchase, steps, came = _attach(purchase, truth), (), None
    if truth.status is Status.SUCCEEDED and truth.id not in standings:
        came = _standing(purchase, truth)
        purchase, steps = _receive(purchase, truth, came, now)
    elif truth.status in _DEAD and truth.id == purchase.payment:
        purchase, steps = _give_up(purchase, truth.failure or CANCELLED, now)
    credited = (came or standings.get(truth.id)) is Standing.CREDITED
    told = (*truth.disputes, *_refunded_elsewhere(truth, ours_minor))
    moved, more = _follow_disputes(told, disputes, credited=credited)
    flags = tuple(
        RiskFlagged(warning) for warning in truth.warnings if credited and warning.id not in warned
    )
    steps = (*steps, *more, *flags)
    return Settlement(_count(purchase, steps), steps, came, moved)


def credit(purchase: Purchase, *, coins: int, at: datetime) -> Settlement:
    """The wallet has the coins; the purchase is complete once its payment is known as well."""
    if coins != purchase.coins + purchase.bonus_coins:
        raise CoinsDiffer(
            purchase=purchase.id,
            credited_coins=coins,
            bought_coins=purchase.coins + purchase.bonus_coins,
        )
    if purchase.credited_at is not None:
        return Settlement(purchase)
    purchase, steps = _complete(replace(purchase, credited_at=at))
    return Settlement(_count(purchase, steps), steps)


def _attach(purchase: Purchase, payment: Payment) -> Purchase:
    """Remember where to pay: the first payment the provider made for the purchase."""
    if purchase.payment is not None or purchase.state is not State.CREATED:
        return purchase
    purchase = replace(purchase, payment=payment.id, next_action_url=payment.pay_url)
    return replace(purchase, state=State.PENDING) if payment.pay_url else purchase


def _standing(purchase: Purchase, payment: Payment) -> Standing:
    if purchase.paid_at is not None:
        return Standing.SURPLUS
    asked = (purchase.amount_minor, purchase.currency)
    # What was given back before we heard of the payment at all buys nothing.
    if (payment.amount_minor - payment.refunded_minor, payment.currency) != asked:
        return Standing.MISMATCHED
    return Standing.CREDITED


def _receive(
    purchase: Purchase, payment: Payment, standing: Standing, now: datetime
) -> tuple[Purchase, tuple[Step, ...]]:
    if standing is Standing.SURPLUS:
        return purchase, ()
    late = purchase.late or purchase.state in _GIVEN_UP
    if standing is Standing.MISMATCHED:
        return replace(purchase, state=State.MISMATCHED, late=late), ()
    paid = replace(
        purchase,
        state=State.PAID,
        payment=payment.id,
        late=late,
        paid_at=payment.paid_at or now,
    )
    purchase, steps = _complete(paid)
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
    if now >= purchase.expires_at and reason in (None, CANCELLED):
        return replace(purchase, state=State.EXPIRED), (Expired(),)
    return replace(purchase, state=State.FAILED), (Failed(reason or CANCELLED),)


def _refunded_elsewhere(payment: Payment, ours_minor: int) -> tuple[Dispute, ...]:
    """
    Money that went back without us (a store or a dashboard did it) goes the way of a chargeback.

    It is a dispute that nobody argues about: lost from the start.
    """
    amount_minor = payment.refunded_minor - ours_minor
    if payment.status is not Status.SUCCEEDED or amount_minor <= 0:
        return ()
    return (
        Dispute(
            id=f"refund:{payment.id}"[:128],
            payment=payment.id,
            state=DisputeState.LOST,
            reason=ELSEWHERE,
            amount_minor=amount_minor,
            currency=payment.currency,
        ),
    )


def _follow_disputes(
    told: tuple[Dispute, ...], known: Mapping[str, Dispute], *, credited: bool
) -> tuple[tuple[Dispute, ...], tuple[Step, ...]]:
    """
    Announce each dispute's opening first and then every change, whatever we heard first.

    A bank may change its mind about the amount and about who has won; each change that is
    announced is a revision of its own. Who hears that a closed dispute is open hears old news.
    """
    moved: list[Dispute] = []
    steps: list[Step] = []
    for dispute in told:
        before = known.get(dispute.id)
        announced = before.revision if before is not None else 0
        same = before is not None and (before.state, before.amount_minor) == (
            dispute.state,
            dispute.amount_minor,
        )
        if same and (announced or not credited):
            continue
        if announced and before is not None and _is_old_news(before, dispute):
            continue
        news: list[Disputed | DisputeClosed] = []
        if credited:
            if not announced or dispute.state is DisputeState.OPEN:
                news.append(Disputed(replace(dispute, revision=announced + 1)))
            if dispute.state is not DisputeState.OPEN:
                closed = replace(dispute, revision=announced + len(news) + 1)
                news.append(DisputeClosed(closed))
        steps += news
        moved.append(news[-1].dispute if news else dispute)
    return tuple(moved), tuple(steps)


def _is_old_news(before: Dispute, told: Dispute) -> bool:
    if told.reason == ELSEWHERE:
        return told.amount_minor < before.amount_minor
    return told.state is DisputeState.OPEN and before.state is not DisputeState.OPEN


def claimed_minor(dispute: Dispute | None) -> int:
    """Return what a dispute takes, as announced: nothing before it was, nothing once it is won."""
    if dispute is None or not dispute.revision or dispute.state is DisputeState.WON:
        return 0
    return dispute.amount_minor


def _count(purchase: Purchase, steps: tuple[Step, ...]) -> Purchase:
    """Every fact is one version of the purchase."""
    return replace(purchase, version=purchase.version + len(steps))
