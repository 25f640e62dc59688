"""The totals of all sales."""

from typing import Annotated

from fastapi import APIRouter

from services.purchase.store import books
from services.purchase.store.books import Books
from shared.http import Db, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

BooksReader = Annotated[Identity, operator_with("books:read")]

router = APIRouter()


@router.get(
    "/operator/purchase/books",
    name="books",
    tags=["operator"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def read_books(_: BooksReader, db: Db) -> Books:
    """Read the totals that prove the sales, all of one instant."""
    async with db.transaction() as tx:
        return await books.read_books(tx)
