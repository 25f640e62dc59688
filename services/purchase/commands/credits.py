"""Completing purchases whose coins have arrived."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.purchase.commands.acceptances import add_acceptances
from services.purchase.commands.facts import facts_of
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.transitions import apply_credit
from services.purchase.store.purchases import lock, save
from shared.contracts.envelope import Envelope
from shared.contracts.wallet import CoinsCredited
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


async def complete_purchases(tx: Transaction, received: Sequence[Envelope[CoinsCredited]]) -> None:
    """Complete each purchase the wallet has credited, once."""
    keys = [(credited.data.viewer, credited.data.purchase) for credited in received]
    purchases = await lock(tx, sorted(set(keys)))
    facts: list[Fact] = []
    for key, credited in zip(keys, received, strict=True):
        before = purchases.get(key)
        if before is None:
            raise NoSuchPurchase(purchase=credited.data.purchase)
        transition = apply_credit(before, coins=credited.data.coins, at=credited.time)
        purchases[key] = transition.purchase
        facts += facts_of(before, transition, credited.cause)
    now = datetime.now(UTC)
    await save(tx, list(purchases.values()), now=now)
    await add_acceptances(tx, purchases.values(), now=now)
    await publish(tx, facts, archive=True)
