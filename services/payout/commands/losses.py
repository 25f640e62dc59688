"""Diamonds that come back to a creator make up for losses first."""

from services.payout.domain import earnings as domain
from services.payout.domain.rates import Rules
from services.payout.store import earnings, payouts
from shared.database import Transaction
from shared.ledger.rules import Holder


async def settle_losses(
    tx: Transaction, holder: Holder, diamonds: int, rules: Rules, *, cause: str
) -> None:
    """Take what was lost on a creator out of the diamonds that just came back to them."""
    if cause in holder.outcomes:
        return
    of_payouts = await payouts.lost_of(tx, [holder.user])
    of_gifts = await earnings.lost_of(tx, [holder.user])
    settled = domain.settle_losses(
        holder,
        [*of_payouts, *of_gifts],
        diamonds,
        rules,
        cause=cause,
        request_hash=cause.encode()[:16],
    )
    if settled:
        holder.conclude("{}")
        await payouts.lose(tx, of_payouts)
        await earnings.save(tx, of_gifts)
