"""The totals of all sales."""

from typing import Annotated

from fastapi import APIRouter

from services.purchase.store import books
from services.purchase.store.books import Books
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

BooksReader = Annotated[Identity, operator_with("books:read")]

router = APIRouter(tags=["finance"])


@router.get(
    "/operator/purchase/books",
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def read_purchase_books(_: BooksReader, db: AllParts) -> Books:
    """Read the totals that prove the sales; those of a part are of one instant."""
    return books.add_books(await db.read_each(books.read_books))
