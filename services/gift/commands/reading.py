"""Looking at one's own gifts, and at the totals."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.gift.domain.gifts import Gift, NoSuchGift
from services.gift.store import gifts as store
from shared.postgres.database import Transaction


async def read_gift(tx: Transaction, viewer: str, gift: UUID) -> Gift:
    found = await store.find(tx, viewer, gift)
    if found is None:
        raise NoSuchGift
    return found


async def gifts_of_ids(tx: Transaction, viewer: str, gifts: Sequence[UUID]) -> list[Gift]:
    return await store.of_ids(tx, viewer, gifts)


async def newest_gifts(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Gift]:
    return await store.newest(tx, viewer, before=before, limit=limit)


async def books(tx: Transaction) -> store.Books:
    return await store.books(tx)
