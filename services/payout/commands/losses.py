"""
Losses on a creator, who lacks diamonds that have to be taken.

Payouts that were not sent yet wait for a person then, and diamonds that come back make up for the
loss first.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.payout.commands.facts import about
from services.payout.domain import earnings as domain
from services.payout.domain.payouts import State
from services.payout.domain.rates import Rules
from services.payout.store import attempts, earnings, payouts
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayoutHeld
from shared.ledger.entries import LockedAccounts
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

# Why a payout waits: the money of gifts was taken back, or an earlier payout was paid after all.
CLAWBACK, PAID_LATE = "clawback", "paid-late"


async def hold_unsent(
    tx: Transaction, creators: Sequence[str], now: datetime, *, reason: str
) -> list[Fact]:
    """Hold what these creators wait for and was not sent yet; their accounts are locked."""
    facts = []
    for payout, correlation_id in await attempts.unsent(tx, creators):
        held = replace(payout, state=State.HELD, version=payout.version + 1)
        await payouts.move(tx, held)
        await payouts.add_steps(tx, held, (State.HELD,), reason=reason)
        event = PayoutHeld(**about(held), reason=reason, revision=held.version)
        facts.append(Fact(event, held.version, Cause(correlation_id), now))
    return facts


async def settle_losses(
    tx: Transaction, accounts: LockedAccounts, diamonds: int, rules: Rules, *, reference: str
) -> None:
    """Take what was lost on a creator out of the diamonds that just came back to them."""
    if reference in accounts.outcomes:
        return
    of_payouts = await payouts.lost_of(tx, [accounts.user])
    of_gifts = await earnings.lost_of(tx, [accounts.user])
    settled = domain.settle_losses(
        accounts,
        [*of_payouts, *of_gifts],
        diamonds,
        rules,
        reference=reference,
        request_hash=reference.encode()[:16],
    )
    if settled:
        accounts.record_result("{}")
        await payouts.lose(tx, of_payouts)
        await earnings.save(tx, of_gifts)
