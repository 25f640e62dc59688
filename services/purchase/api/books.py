"""The totals that prove the sales."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from services.purchase.commands.purchases import read_books
from services.purchase.domain.purchases import State
from shared.http import refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]


class Amount(BaseModel):
    """Money of one currency."""

    currency: str
    amount_minor: int


class Account(Amount):
    """What a money account holds: assets positive, liabilities and income negative."""

    account: str


class Books(BaseModel):
    """
    All purchases: what was paid, what was sold for it, and what the wallet has credited.

    `accounts` is where the money is, in double entry: `postings_sum` is zero.
    """

    purchases_by_state: dict[State, int]
    paid_amounts: list[Amount]
    coins_sold: int
    bonus_coins_sold: int
    coins_credited: int
    disputes_open: int
    postings_sum: int
    accounts: list[Account]


def add_routes(router: APIRouter, database: Database) -> None:
    @router.get(
        "/operator/purchase/books",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def books(_: BooksReader) -> Books:
        """Read the totals that prove the sales, all of one instant."""
        async with database.transaction() as tx:
            return Books.model_validate(asdict(await read_books(tx)))
