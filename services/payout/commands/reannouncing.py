"""
Saying again what payout announced, from its own rows, under the ids it had.

From outcomes, which hold it word for word: payout.diamonds_earned, .diamonds_matured,
.diamonds_adjusted. From the chronicle: .diamonds_clawed_back, .diamonds_restored, .payee_changed,
.requested, .held, .approved, .rejected, .sent, .paid, .failed, .returned. From the seals:
.block_sealed.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from services.payout.commands.proving import CHAIN
from shared.backoffice import republish as history
from shared.contracts.base import Event
from shared.contracts.payout import (
    EVENTS,
    BlockSealed,
    DiamondsAdjusted,
    DiamondsEarned,
    DiamondsMatured,
)
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

SAID_AGAIN: tuple[type[Event], ...] = EVENTS

# The kind with which a reference begins, and its event; other events are in the event archive.
_ANNOUNCED: dict[str, type[Event]] = {
    "gift": DiamondsEarned,
    "mature": DiamondsMatured,
    "adjustment": DiamondsAdjusted,
}


def facts_between(tx: Transaction, *, since: datetime, until: datetime) -> AsyncIterator[Fact]:
    """Yield what was announced in that time: decisions first, then what followed from them."""
    blocks = (BlockSealed, CHAIN)
    return history.facts_between(tx, _announced, blocks, since=since, until=until)


def _announced(reference: str, _: bool) -> type[Event] | None:
    return _ANNOUNCED.get(reference.split(":", 1)[0])
