"""
How a payout may go.

Diamonds are never lost to rounding: a quote takes only those that make whole cents.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.payout.domain.rates import DIAMONDS, Rules
from shared.errors import Kind, Refusal
from shared.ledger.rules import HELD, MAIN, Holder, Posting

# Where a payout takes diamonds.
PAID_OUT = "@paid_out"


class BelowMinimum(Refusal):
    """So few diamonds cannot be paid out yet."""

    kind = Kind.INVALID


class NotEnoughDiamonds(Refusal):
    """There are fewer diamonds available than were asked for."""

    kind = Kind.CONFLICT


class DailyMaximum(Refusal):
    """No more can be paid out today."""

    kind = Kind.INVALID


class PayeeMissing(Refusal):
    """We do not know yet where to send your money."""

    kind = Kind.CONFLICT


class UnknownQuote(Refusal):
    """There is no such quote of yours."""

    kind = Kind.NOT_FOUND


class QuoteExpired(Refusal):
    """The quote is no longer valid; ask for a new one."""

    kind = Kind.CONFLICT


class QuoteUsed(Refusal):
    """This quote has been paid out already."""

    kind = Kind.CONFLICT


class PayoutOpen(Refusal):
    """Another payout of yours is still under way."""

    kind = Kind.CONFLICT


class NoSuchPayout(Refusal):
    """You have no such payout."""

    kind = Kind.NOT_FOUND


class BadSignature(Refusal):
    """This notification was not signed by the provider."""

    kind = Kind.UNAUTHENTICATED


class UnknownProvider(Refusal):
    """We do not work with this provider."""

    kind = Kind.NOT_FOUND


class NotHeld(Refusal):
    """Only a payout that is held waits for somebody to decide."""

    kind = Kind.CONFLICT


class State(StrEnum):
    """Where a payout stands. `paid` can still become `returned`."""

    REQUESTED = "requested"
    HELD = "held"
    APPROVED = "approved"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    REJECTED = "rejected"


class Truth(StrEnum):
    """What the provider says of an attempt."""

    SUBMITTED = "submitted"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


OPEN_STATES = (State.REQUESTED, State.HELD, State.APPROVED, State.SENT)
# The way money takes when all goes well, and when it comes back at the very end.
_WAY = (State.APPROVED, State.SENT, State.PAID, State.RETURNED)
_REACHED = {Truth.SUBMITTED: State.SENT, Truth.PAID: State.PAID, Truth.RETURNED: State.RETURNED}


@dataclass(frozen=True, slots=True)
class Offer:
    """Diamonds, and the money they become."""

    diamonds: int
    amount_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    """An offer that holds for a while."""

    id: UUID
    creator: str
    offer: Offer
    currency: str
    rate_version: int
    expires_at: datetime
    payout: UUID | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """A payout as it is remembered."""

    creator: str
    id: UUID
    quote: UUID
    diamonds: int
    amount_minor: int
    fee_minor: int
    currency: str
    rate_version: int
    destination: str
    state: State
    version: int
    requested_at: datetime


def offer(
    *, available: int, wanted: int | None, paid_today_minor: int, has_payee: bool, rules: Rules
) -> Offer:
    """Offer money for diamonds: for those wanted, or for as many as can be had today."""
    if not has_payee:
        raise PayeeMissing
    left_minor = max(0, rules.maximum_minor_per_day - paid_today_minor)
    if wanted is None:
        value_minor = min(rules.value_minor(available), left_minor)
        if left_minor == 0:
            raise DailyMaximum(remaining_minor=0, currency=rules.currency)
        wanted = rules.diamonds_for(value_minor)
        if wanted < rules.minimum_diamonds <= available:
            raise DailyMaximum(remaining_minor=left_minor, currency=rules.currency)
    if wanted < rules.minimum_diamonds:
        raise BelowMinimum(minimum_diamonds=rules.minimum_diamonds, diamonds=wanted)
    if wanted > available:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=wanted)
    value_minor = rules.value_minor(wanted)
    if value_minor > left_minor:
        raise DailyMaximum(remaining_minor=left_minor, currency=rules.currency)
    return Offer(
        diamonds=rules.diamonds_for(value_minor),
        amount_minor=value_minor - rules.fee_minor,
        fee_minor=rules.fee_minor,
    )


def reserve(holder: Holder, *, cause: str, diamonds: int, request_hash: bytes) -> int:
    """Set diamonds aside for a payout, so that nothing else can use them."""
    available = holder.balance(MAIN, DIAMONDS)
    if available < diamonds:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=diamonds)
    postings = (Posting(MAIN, DIAMONDS, -diamonds), Posting(HELD, DIAMONDS, diamonds))
    return holder.post(kind="reserve", cause=cause, postings=postings, request_hash=request_hash)


def steps(state: State, truth: Truth) -> tuple[State, ...]:
    """
    Return the states a payout still has to go through for what the provider says.

    Results may be heard in any order and more than once: what is behind the payout already
    changes nothing, and what was missed is made up for.
    """
    if truth is Truth.FAILED:
        return (State.FAILED,) if state in OPEN_STATES else ()
    if state not in _WAY:
        return ()
    here, there = _WAY.index(state), _WAY.index(_REACHED[truth])
    return _WAY[here + 1 : there + 1]


def amounts_of(step: State, diamonds: int) -> dict[str, int]:
    """Return how diamonds move between accounts when a payout takes a step."""
    return {
        State.PAID: {HELD: -diamonds, PAID_OUT: diamonds},
        State.FAILED: {HELD: -diamonds, MAIN: diamonds},
        State.REJECTED: {HELD: -diamonds, MAIN: diamonds},
        State.RETURNED: {PAID_OUT: -diamonds, MAIN: diamonds},
    }.get(step, {})
