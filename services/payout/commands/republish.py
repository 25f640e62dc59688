"""
Events of payout are published again from its own rows, under their old ids.

From outcomes, which hold them word for word: payout.diamonds_earned, .diamonds_matured,
.diamonds_adjusted, .bonus_earned. From the event archive: .diamonds_clawed_back,
.diamonds_restored, .rate_announced, .creator_rate_announced, .payee_changed, .requested, .held,
.approved, .rejected, .appealed, .appeal_decided, .sent, .paid, .failed, .returned,
.partly_returned; between parts: .gift_shared, .share_reversed, .share_restored. From the seals:
.block_sealed.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from services.payout.domain.rates import DIAMONDS
from shared.backoffice import republish as history
from shared.contracts.base import Event
from shared.contracts.payout import (
    EVENTS,
    BlockSealed,
    DiamondsAdjusted,
    DiamondsEarned,
    DiamondsMatured,
)
from shared.contracts.rates import BonusEarned
from shared.ledger.sealing import chain_of
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

REPUBLISHED: tuple[type[Event], ...] = EVENTS

# The kind with which a reference begins, and its event; other events are in the event archive.
_PUBLISHED: dict[str, type[Event]] = {
    "gift": DiamondsEarned,
    "share": DiamondsEarned,
    "bonus": BonusEarned,
    "mature": DiamondsMatured,
    "adjustment": DiamondsAdjusted,
}


def facts_between(tx: Transaction, *, since: datetime, until: datetime) -> AsyncIterator[Fact]:
    """Yield what was published in that time: outcomes first, then what followed from them."""
    blocks = (BlockSealed, chain_of(tx, DIAMONDS))
    return history.facts_between(tx, _published, blocks, since=since, until=until)


def reference_facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield the facts of that time that are of no single creator: of the rates of all."""
    return archive.facts_between(tx, since=since, until=until)


def _published(reference: str, _: bool) -> type[Event] | None:
    return _PUBLISHED.get(reference.split(":", 1)[0])
