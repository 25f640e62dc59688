"""
Watches: purchases that are paid are read again, weekly, for as long as money may still go back.

A dispute or a refund is found so even if its webhook was lost and the provider lists no events.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import Gauge

from services.purchase.commands.status_polls import StatusPoll
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.watches import WatchPlan
from services.purchase.providers import Providers
from services.purchase.store import watches
from shared.postgres.database import Transaction

LATE = Gauge("ovation_watch_late_seconds", "How long a paid purchase has waited to be read again.")


async def claim_watches(tx: Transaction, providers: Providers, plan: WatchPlan) -> list[StatusPoll]:
    """Take the purchases whose turn it is: of each provider as many as a turn allows."""
    now = datetime.now(UTC)
    claimed = await watches.claim(tx, list(providers), plan, now=now)
    oldest = min((due_at for _, due_at in claimed), default=now)
    tx.after_commit(lambda: LATE.set((now - oldest).total_seconds()))
    return [StatusPoll(purchase, is_watch=True) for purchase, _ in claimed]


async def end_watches(tx: Transaction, watched: Sequence[Purchase], plan: WatchPlan) -> None:
    """Let purchases that were read wait for their next turn."""
    await watches.end_turns(tx, watched, plan, now=datetime.now(UTC))
