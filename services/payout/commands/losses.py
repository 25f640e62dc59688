"""
Losses: diamonds that have to be taken from a creator who does not have them any more.

Payouts that were not sent yet go under review then, and diamonds that come back cover the loss
first.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.payout.commands.facts import held as held_fact
from services.payout.domain import earnings as domain
from services.payout.domain.payouts import State
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import open_review
from services.payout.store import attempts, earnings, payouts, reviews
from shared.contracts.envelope import Cause
from shared.ledger.entries import LockedAccounts
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction


async def review_unsent(
    tx: Transaction, creators: Sequence[str], now: datetime, *, reason: str, rules: Rules
) -> list[Fact]:
    """Put these creators' unsent payouts under review; their accounts are locked."""
    facts = []
    for payout, correlation_id in await attempts.lock_unsent(tx, creators):
        held = replace(payout, state=State.HELD, version=payout.version + 1)
        await payouts.save_state(tx, held)
        await payouts.add_steps(tx, held, (State.HELD,), reason=reason)
        review = open_review(held, (reason,), now, rules)
        await reviews.add(tx, review)
        facts.append(Fact(held_fact(held, review), held.version, Cause(correlation_id), now))
    return facts


async def recover_losses(
    tx: Transaction, accounts: LockedAccounts, diamonds: int, rules: Rules, *, reference: str
) -> None:
    """Cover a creator's losses with diamonds that just came back."""
    if reference in accounts.outcomes:
        return
    of_payouts = await payouts.losses_of(tx, [accounts.user])
    of_gifts = await earnings.losses_of(tx, [accounts.user], diamonds_max=diamonds)
    recovered = domain.recover_losses(
        accounts,
        [*of_payouts, *of_gifts],
        diamonds,
        rules,
        reference=reference,
        request_hash=reference.encode()[:16],
    )
    if recovered:
        accounts.record_result("{}")
        await payouts.save_losses(tx, of_payouts)
        await earnings.save(tx, of_gifts)
