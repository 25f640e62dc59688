"""Reads that may find nothing; lists are read from the store."""

from uuid import UUID

from services.purchase.domain.purchases import NoSuchPurchase, Purchase
from services.purchase.domain.refunds import Refund
from services.purchase.store import purchases, refunds
from shared.postgres.database import Transaction


async def read_purchase(tx: Transaction, viewer: str, purchase: UUID) -> Purchase:
    found = await purchases.read(tx, viewer, purchase)
    if found is None:
        raise NoSuchPurchase(purchase=purchase)
    return found


async def read_refunds(tx: Transaction, viewer: str, purchase: UUID) -> list[Refund]:
    """Return the refunds of a viewer's own purchase, the newest first."""
    await read_purchase(tx, viewer, purchase)
    return (await refunds.of_purchases(tx, [(viewer, purchase)]))[viewer, purchase][::-1]
