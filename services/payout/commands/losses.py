"""Diamonds that come back to a creator make up for losses first."""

from services.payout.domain import earnings as domain
from services.payout.domain.rates import Rules
from services.payout.store import earnings
from shared.database import Transaction
from shared.ledger.rules import Holder


async def settle_losses(
    tx: Transaction, holder: Holder, diamonds: int, rules: Rules, *, cause: str
) -> None:
    """Take what was lost on a creator out of the diamonds that just came back to them."""
    if cause in holder.outcomes:
        return
    lost = await earnings.lost_of(tx, holder.user)
    if not lost:
        return
    domain.settle_losses(
        holder, lost, diamonds, rules, cause=cause, request_hash=cause.encode()[:16]
    )
    holder.conclude("{}")
    await earnings.save(tx, lost)
