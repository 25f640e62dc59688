"""How a payout may go: its states, and what a provider may still say of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.payout.domain.rates import DIAMONDS
from shared.errors import Kind, Refusal
from shared.ledger.entries import HELD, MAIN, LockedAccounts
from shared.money import Rounding, prorate

# Where a payout takes diamonds.
PAID_OUT = "@paid_out"


class NotEnoughDiamonds(Refusal):
    """There are fewer diamonds available than were asked for."""

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


class PayoutSubmitted(Refusal):
    """The payout may be on its way to the bank already, so it cannot be rejected."""

    kind = Kind.CONFLICT


class NotUnresolved(Refusal):
    """What became of this payout is not for a person to say: the provider is still asked."""

    kind = Kind.CONFLICT


class CreatorsOnly(Refusal):
    """Only creators are paid out."""

    kind = Kind.FORBIDDEN


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
class Share:
    """A part of a payout: its diamonds, what they count for in the books, its money and its fee."""

    diamonds: int
    value_minor: int
    amount_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class Payout:
    """
    A payout as it is remembered.

    Its amount and fee are in `currency`; for the limits and in the books it counts `value_minor` in
    `value_currency`.
    """

    creator: str
    id: UUID
    quote: UUID
    diamonds: int
    value_minor: int
    value_currency: str
    amount_minor: int
    fee_minor: int
    currency: str
    rate_version: int
    provider: str
    destination: str
    state: State
    version: int
    requested_at: datetime
    # What came back after it was paid, in all.
    returned_minor: int = 0

    @property
    def money_minor(self) -> int:
        """What the payout takes in money: what arrives, and the fee."""
        return self.amount_minor + self.fee_minor

    def part(self, amount_minor: int) -> Share:
        """
        Return what goes with so much of its money.

        Rounded down: parts never add up to more than the payout, and all of its money is all of it.
        """
        diamonds, value_minor, fee_minor = (
            prorate(whole, amount_minor, self.amount_minor, Rounding.DOWN)
            for whole in (self.diamonds, self.value_minor, self.fee_minor)
        )
        return Share(diamonds, value_minor, amount_minor, fee_minor)

    def difference(self, returned_minor: int) -> Share:
        """Return what comes back when so much has, in all, and some of it had before."""
        before, now = self.part(self.returned_minor), self.part(returned_minor)
        return Share(
            now.diamonds - before.diamonds,
            now.value_minor - before.value_minor,
            now.amount_minor - before.amount_minor,
            now.fee_minor - before.fee_minor,
        )


@dataclass(slots=True)
class PayoutLoss:
    """Diamonds spent between a payout's failure and its late payment."""

    creator: str
    payout: UUID
    lost_diamonds: int


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
