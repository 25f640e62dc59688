"""What a step of a payout moves: diamonds, and the money beside them."""

from dataclasses import dataclass
from uuid import UUID

from services.payout.domain.earnings import DISPUTE_LOSS, post
from services.payout.domain.payouts import OPEN_STATES, PAID_OUT, Payout, State, amounts_of
from services.payout.domain.rates import DIAMONDS, Rules
from shared.ledger.entries import MAIN, LockedAccounts


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook signed by the provider, and the attempt it is about."""

    webhook_id: str
    kind: str
    attempt: UUID | None
    payload_hash: bytes


def take_step(
    accounts: LockedAccounts,
    payout: Payout,
    step: State,
    *,
    was: State | None,
    rules: Rules,
    reference: str,
    request_hash: bytes,
) -> int:
    """
    Move what a step moves; return the diamonds that the operator loses by it.

    `was` is the state before, None of a new payout. A payout that is paid after it had ended takes
    what is available of the diamonds that it had given back.
    """
    amounts, lost = amounts_of(step, payout.diamonds), 0
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
        paid_minor=sign * payout.amount_minor,
        fee_minor=sign * payout.fee_minor,
        reserved_minor=reserved * payout.money_minor,
        currency=payout.currency,
    )
    return lost
