"""Looking at one's own gifts, and at the totals."""

from dataclasses import astuple
from uuid import UUID

from services.gift.domain.gifts import Gift, NoSuchGift
from services.gift.store import gifts as store
from services.gift.store.gifts import Books
from shared.postgres.database import Database, Transaction


async def read_gift(tx: Transaction, viewer: str, gift: UUID) -> Gift:
    found = await store.find(tx, viewer, gift)
    if found is None:
        raise NoSuchGift
    return found


async def read_books(database: Database) -> Books:
    """Return how many gifts stand where, in all parts."""
    books = await database.read_each(store.books)
    return Books(*map(sum, zip(*map(astuple, books), strict=True)))
