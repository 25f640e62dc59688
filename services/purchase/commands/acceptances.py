"""
Acceptances: telling a store that the coins of what it sold are there.

A store gives the money back if it is never told, Google after three days. It may be told any
number of times; so an answer that is lost is asked for again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from services.purchase.domain.purchases import Purchase, State
from services.purchase.providers import (
    ProviderRejected,
    Providers,
    ProviderUnavailable,
    Stores,
)
from services.purchase.store import acceptances
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A completed purchase whose store is to be told."""

    purchase: Purchase


async def add_acceptances(tx: Transaction, purchases: Iterable[Purchase], *, now: datetime) -> None:
    """Let the stores be told of those of locked purchases whose coins are there."""
    completed = [
        each for each in purchases if each.product is not None and each.state is State.COMPLETED
    ]
    await acceptances.add(tx, completed, now=now)


async def claim_acceptances(tx: Transaction) -> list[Acceptance]:
    """Take the acceptances that are due."""
    claimed = await acceptances.claim(tx, now=datetime.now(UTC), limit=CLAIMED_MAX)
    return [*map(Acceptance, claimed)]


async def run_acceptance(database: Database, providers: Providers, due: Acceptance) -> None:
    """Tell the store, outside any transaction, and record that it took it."""
    purchase, rejected = due.purchase, None
    store = providers[purchase.provider]
    assert isinstance(store, Stores), f"{purchase.provider} is no store"
    assert purchase.payment is not None
    try:
        await store.accept(purchase.payment)
    except ProviderUnavailable as error:
        log.warning("acceptance.unanswered", purchase=str(purchase.id), error=str(error)[:200])
        return
    except ProviderRejected as error:
        # The payment went back meanwhile: what became of it is another answer's to say.
        log.exception("acceptance.rejected", purchase=str(purchase.id), reason=error.reason)
        rejected = error.reason
    async with database.part_for(purchase.viewer).transaction() as tx:
        await acceptances.end(tx, purchase, now=datetime.now(UTC), rejected=rejected)
