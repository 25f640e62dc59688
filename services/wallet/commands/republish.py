"""
Saying again what the wallet announced, from its own rows, under the ids it had.

From outcomes, which hold it word for word: wallet.coins_credited, .gift_paid, .gift_refused,
.coins_frozen, .coins_unfrozen, .coins_refunded, .usage_reported, .coins_expired, .coins_forfeited,
.coins_adjusted, .exclusion_started, .exclusion_ended. From the event archive: .lot_reversed,
.lot_restored, .debt_opened, .debt_settled, .limit_reminder, .limit_reached. From the seals:
.block_sealed.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from services.wallet.domain.coins import COINS
from shared.backoffice import republish as history
from shared.contracts.base import Event
from shared.contracts.spending_controls import ExclusionEnded, ExclusionStarted
from shared.contracts.wallet import (
    EVENTS,
    BlockSealed,
    CoinsAdjusted,
    CoinsCredited,
    CoinsExpired,
    CoinsForfeited,
    CoinsFrozen,
    CoinsRefunded,
    CoinsUnfrozen,
    GiftPaid,
    GiftPaymentRefused,
    UsageReported,
)
from shared.ledger.sealing import chain_of
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

REPUBLISHED: tuple[type[Event], ...] = EVENTS

# The kind with which a reference begins, and its event; other events are in the event archive.
_PUBLISHED: dict[str, type[Event]] = {
    "purchase": CoinsCredited,
    "freeze": CoinsFrozen,
    "release": CoinsUnfrozen,
    "refund": CoinsRefunded,
    "usage": UsageReported,
    "expire": CoinsExpired,
    "forfeit": CoinsForfeited,
    "adjustment": CoinsAdjusted,
}


def facts_between(tx: Transaction, *, since: datetime, until: datetime) -> AsyncIterator[Fact]:
    """Yield what was announced in that time: decisions first, then what followed from them."""
    blocks = (BlockSealed, chain_of(tx, COINS))
    return history.facts_between(tx, _published, blocks, since=since, until=until)


def _published(reference: str, moved: bool) -> type[Event] | None:
    kind = reference.split(":", 1)[0]
    if kind == "gift":
        return GiftPaid if moved else GiftPaymentRefused
    if kind == "exclusion":
        return ExclusionEnded if reference.endswith(":end") else ExclusionStarted
    return _PUBLISHED.get(kind)
