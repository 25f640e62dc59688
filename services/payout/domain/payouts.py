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
from shared.ledger.entries import HELD, MAIN, LockedAccounts

# Where a payout takes diamonds.
PAID_OUT = "@paid_out"
# Why a payout is under review before anything is sent.
PAYEE_CHANGED = "payee-changed"
FIRST_PAYOUT = "first-payout"


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
    """Only a payout that is under review waits for a decision."""

    kind = Kind.CONFLICT


class PayoutSubmitted(Refusal):
    """The payout may be on its way to the bank already, so it cannot be rejected."""

    kind = Kind.CONFLICT


class NotUnresolved(Refusal):
    """What became of this payout is not for a person to say: the provider is still asked."""

    kind = Kind.CONFLICT


class CreatorsOnly(Refusal):
    """Only creators are paid out."""

    kind = Kind.FORBIDDEN


class PayeeResting(Refusal):
    """Your account was replaced a short time ago; a payout has to wait until it may be used."""

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


class ProviderStatus(StrEnum):
    """What the provider says of an attempt's transfer."""

    SUBMITTED = "submitted"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


OPEN_STATES = (State.REQUESTED, State.HELD, State.APPROVED, State.SENT)
# The states in which a payout may be submitted.
SENDABLE = (State.APPROVED, State.SENT)
_FROM_OPEN = {
    ProviderStatus.SUBMITTED: (State.SENT,),
    ProviderStatus.PAID: (State.SENT, State.PAID),
    ProviderStatus.FAILED: (State.FAILED,),
    ProviderStatus.RETURNED: (State.SENT, State.PAID, State.RETURNED),
}
_FROM_ENDED = {
    ProviderStatus.SUBMITTED: (),
    ProviderStatus.PAID: (State.PAID,),
    ProviderStatus.FAILED: (),
    ProviderStatus.RETURNED: (State.PAID, State.RETURNED),
}
# The states that follow each pair of state and status.
_STEPS: dict[State, dict[ProviderStatus, tuple[State, ...]]] = {
    State.REQUESTED: _FROM_OPEN,
    State.HELD: _FROM_OPEN,
    State.APPROVED: _FROM_OPEN,
    State.SENT: {
        ProviderStatus.SUBMITTED: (),
        ProviderStatus.PAID: (State.PAID,),
        ProviderStatus.FAILED: (State.FAILED,),
        ProviderStatus.RETURNED: (State.PAID, State.RETURNED),
    },
    State.PAID: {
        ProviderStatus.SUBMITTED: (),
        ProviderStatus.PAID: (),
        # The bank had it and gave it back: the diamonds are the creator's again.
        ProviderStatus.FAILED: (State.RETURNED,),
        ProviderStatus.RETURNED: (State.RETURNED,),
    },
    # The diamonds are the creator's again; if the money went after all, they have to leave.
    State.FAILED: _FROM_ENDED,
    State.REJECTED: _FROM_ENDED,
    State.RETURNED: dict.fromkeys(ProviderStatus, ()),
}
CONTRADICTIONS = frozenset(
    {
        *((state, status) for state in (State.REQUESTED, State.HELD) for status in ProviderStatus),
        (State.PAID, ProviderStatus.SUBMITTED),
        (State.PAID, ProviderStatus.FAILED),
        *(
            (State.FAILED, status)
            for status in ProviderStatus
            if status is not ProviderStatus.FAILED
        ),
        *(
            (State.REJECTED, status)
            for status in ProviderStatus
            if status is not ProviderStatus.FAILED
        ),
        # It is unknown which is newer: a person has to ask the bank.
        (State.RETURNED, ProviderStatus.PAID),
        (State.RETURNED, ProviderStatus.SUBMITTED),
    }
)


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
    provider: str
    destination: str
    state: State
    version: int
    requested_at: datetime

    @property
    def money_minor(self) -> int:
        """What the payout takes in money: what arrives, and the fee."""
        return self.amount_minor + self.fee_minor


@dataclass(frozen=True, slots=True)
class Payee:
    """Where a creator's money goes, since when, and whether it may be used."""

    provider: str
    destination: str
    revision: int
    # None: at once.
    usable_at: datetime | None
    # Whether a person has to look at the next payout that goes there.
    unreviewed: bool

    @property
    def review_reason(self) -> str | None:
        """Why a person has to review the next payout to this payee, if one has to."""
        if not self.unreviewed:
            return None
        return PAYEE_CHANGED if self.revision > 1 else FIRST_PAYOUT

    def require_usable(self, now: datetime) -> None:
        """Refuse to send money to an account that may have been replaced with a stolen token."""
        if self.usable_at is not None and now < self.usable_at:
            raise PayeeResting(usable_at=self.usable_at)


@dataclass(slots=True)
class PayoutLoss:
    """Diamonds spent between a payout's failure and its late payment."""

    creator: str
    payout: UUID
    lost_diamonds: int


def offer(*, available: int, wanted: int | None, paid_today_minor: int, rules: Rules) -> Offer:
    """Offer money for diamonds: for those wanted, or for as many as can be had today."""
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


def require_payable(
    payee: Payee | None,
    quote: Quote | None,
    *,
    open_payout: UUID | None,
    paid_today_minor: int,
    now: datetime,
    rules: Rules,
) -> tuple[Payee, Quote]:
    """
    Refuse a payout unless its quote still holds.

    Time has passed since the quote was made, so everything it depends on is checked again.
    """
    if payee is None:
        raise PayeeMissing
    payee.require_usable(now)
    if quote is None:
        raise UnknownQuote
    if quote.payout is not None:
        raise QuoteUsed(payout=quote.payout)
    # The operator may pay in another currency by now.
    if quote.expires_at < now or quote.currency != rules.currency:
        raise QuoteExpired(expires_at=quote.expires_at)
    if open_payout is not None:
        raise PayoutOpen(payout=open_payout)
    require_offered(quote.offer, paid_today_minor=paid_today_minor, rules=rules)
    return payee, quote


def require_offered(offered: Offer, *, paid_today_minor: int, rules: Rules) -> None:
    """Refuse an offer that could not be made any more."""
    if offered.diamonds < rules.minimum_diamonds:
        raise BelowMinimum(minimum_diamonds=rules.minimum_diamonds, diamonds=offered.diamonds)
    left_minor = max(0, rules.maximum_minor_per_day - paid_today_minor)
    if offered.amount_minor + offered.fee_minor > left_minor:
        raise DailyMaximum(remaining_minor=left_minor, currency=rules.currency)


def require_available(accounts: LockedAccounts, diamonds: int) -> None:
    available = accounts.balance(MAIN, DIAMONDS)
    if available < diamonds:
        raise NotEnoughDiamonds(available_diamonds=available, diamonds=diamonds)


def steps(state: State, status: ProviderStatus) -> tuple[State, ...]:
    """
    Return the states a payout still has to go through for what the provider says.

    Results may come in any order and more than once: a state that is behind the payout already
    changes nothing, and a missed one is added.
    """
    return _STEPS[state][status]


def is_contradiction(state: State, status: ProviderStatus) -> bool:
    """Whether the status contradicts the state; steps may follow all the same."""
    return (state, status) in CONTRADICTIONS


def amounts_of(step: State, diamonds: int) -> dict[str, int]:
    """Return how diamonds move between accounts when a payout takes a step."""
    return {
        State.REQUESTED: {MAIN: -diamonds, HELD: diamonds},
        State.PAID: {HELD: -diamonds, PAID_OUT: diamonds},
        State.FAILED: {HELD: -diamonds, MAIN: diamonds},
        State.REJECTED: {HELD: -diamonds, MAIN: diamonds},
        State.RETURNED: {PAID_OUT: -diamonds, MAIN: diamonds},
    }.get(step, {})
