"""
Watches: purchases that are paid are read again, weekly, for as long as money may still go back.

A dispute or a refund is found so even if its webhook was lost and the provider lists no events.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import Gauge

from services.purchase.commands.status_polls import StatusPoll
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.watches import TURN_SECONDS, WatchPlan
from services.purchase.providers import Providers
from services.purchase.store import watches
from shared.postgres.database import Database, Part

LATE = Gauge("ovation_watch_late_seconds", "How long a paid purchase has waited to be read again.")


async def claim_watches(
    database: Database, providers: Providers, plan: WatchPlan
) -> list[StatusPoll]:
    """
    Take the purchases whose turn it is: of each provider as many as a turn allows.

    Each turn begins with another part, so that all have their share of what a provider allows.
    """
    now = datetime.now(UTC)
    left = dict.fromkeys(providers, plan.reads_per_turn)
    claimed: list[tuple[Purchase, datetime]] = []
    first = int(now.timestamp() // TURN_SECONDS) % len(database.parts)
    for part in (*database.parts[first:], *database.parts[:first]):
        if not (waiting := {name: reads for name, reads in left.items() if reads}):
            break
        async with part.transaction() as tx:
            found = await watches.claim(tx, waiting, plan, now=now)
        claimed += found
        for purchase, _ in found:
            left[purchase.provider] -= 1
    oldest = min((due_at for _, due_at in claimed), default=now)
    LATE.set((now - oldest).total_seconds())
    return [StatusPoll(purchase, is_watch=True) for purchase, _ in claimed]


async def end_watches(database: Database, watched: Sequence[Purchase], plan: WatchPlan) -> None:
    """Let purchases that were read wait for their next turn."""
    of_parts: dict[Part, list[Purchase]] = {}
    for each in watched:
        of_parts.setdefault(database.part_for(each.viewer), []).append(each)
    for part, of_part in of_parts.items():
        async with part.transaction() as tx:
            await watches.end_turns(tx, of_part, plan, now=datetime.now(UTC))
