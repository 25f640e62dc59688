"""What a step of a payout moves: diamonds, and the money beside them."""

from dataclasses import dataclass
from uuid import UUID

from services.payout.domain.earnings import DISPUTE_LOSS, post
from services.payout.domain.money import PayoutMoney
from services.payout.domain.payouts import (
    OPEN_STATES,
    PAID_OUT,
    Payout,
    State,
    amounts_of,
)
from services.payout.domain.rates import DIAMONDS, Rules
from shared.ledger.entries import MAIN, LockedAccounts


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook signed by the provider, and the attempt or the account it is about."""

    webhook_id: str
    kind: str
    attempt: UUID | None
    payload_hash: bytes
    # The destination of payees whose account changed at the provider.
    account: str | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """Diamonds that the operator loses by a step, and those that it gives back to the creator."""

    lost_diamonds: int
    returned_diamonds: int


def take_step(
    accounts: LockedAccounts,
    payout: Payout,
    step: State,
    *,
    was: State | None,
    rules: Rules,
    reference: str,
    request_hash: bytes,
) -> StepResult:
    """
    Move what a step moves.

    `was` is the state before, None of a new payout. A payout that is paid after it had ended takes
    what is available of the diamonds that it had given back. One that comes back brings what had
    not come back before.
    """
    moved = payout.part(payout.amount_minor)
    if step is State.RETURNED:
        moved = payout.difference(payout.amount_minor)
    amounts, lost = amounts_of(step, moved.diamonds), 0
    was_reserved = was in OPEN_STATES
    if step is State.PAID and not was_reserved:
        available = min(payout.diamonds, accounts.balance(MAIN, DIAMONDS))
        lost = payout.diamonds - available
        amounts = {MAIN: -available, DISPUTE_LOSS: -lost, PAID_OUT: payout.diamonds}
    # Money leaves the provider's account when it is paid, and comes back to it.
    sign = {State.PAID: 1, State.RETURNED: -1}.get(step, 0)
    reserved = 1 if step is State.REQUESTED else -1 if was_reserved else 0
    post(
        accounts,
        amounts,
        rules,
        kind="reserve" if step is State.REQUESTED else step.value,
        reference=reference,
        request_hash=request_hash,
        of_payout=PayoutMoney(
            currency=payout.currency,
            value_minor=moved.value_minor,
            value_currency=payout.value_currency,
            reserved_minor=reserved * payout.money_minor,
            paid_minor=sign * moved.amount_minor,
            fee_minor=sign * moved.fee_minor,
        ),
    )
    comes_back = step in (State.FAILED, State.REJECTED, State.RETURNED)
    return StepResult(lost, moved.diamonds if comes_back else 0)


def return_part(
    accounts: LockedAccounts,
    payout: Payout,
    returned_minor: int,
    rules: Rules,
    *,
    reference: str,
    request_hash: bytes,
) -> int:
    """
    Take back part of a paid payout, until so much has come back in all; return the diamonds.

    They go with the money in proportion, so the result does not depend on how many parts it had.
    """
    back = payout.difference(returned_minor)
    post(
        accounts,
        {PAID_OUT: -back.diamonds, MAIN: back.diamonds},
        rules,
        kind=State.RETURNED.value,
        reference=reference,
        request_hash=request_hash,
        of_payout=PayoutMoney(
            currency=payout.currency,
            value_minor=back.value_minor,
            value_currency=payout.value_currency,
            paid_minor=-back.amount_minor,
            fee_minor=-back.fee_minor,
        ),
    )
    return back.diamonds
