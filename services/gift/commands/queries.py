"""Looking at one's own gifts, and at the totals."""

from uuid import UUID

from services.gift.domain.gifts import Gift, NoSuchGift
from services.gift.store import gifts as store
from shared.postgres.database import Transaction


async def read_gift(tx: Transaction, viewer: str, gift: UUID) -> Gift:
    found = await store.find(tx, viewer, gift)
    if found is None:
        raise NoSuchGift
    return found
