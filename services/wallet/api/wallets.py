"""A viewer looks at coins, at lots, and at where they went; an operator at all of it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.wallet.commands import reading
from services.wallet.domain.coins import NoSuchWallet
from shared.http import (
    BadCursor,
    Limit,
    Page,
    UserIdOrMe,
    encode_cursor,
    moment_in,
    number_in,
    refusals,
)
from shared.http.auth import Caller, ScopeMissing, operator_with, require_own
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]
ME = "me"


class Wallet(BaseModel):
    """What a viewer has. `coins` can be spent, `held_coins` are frozen, `debt_coins` are owed."""

    user: str
    coins: int
    held_coins: int
    debt_coins: int


class Piece(BaseModel):
    """The part of a gift that one lot paid."""

    model_config = ConfigDict(from_attributes=True)

    lot: UUID
    purchase: UUID
    coins: int


class Movement(BaseModel):
    """Coins that came (positive) or went (negative), and the balance they led to."""

    model_config = ConfigDict(from_attributes=True)

    movement: int = Field(validation_alias="entry")
    kind: str
    cause: str = Field(validation_alias="reference")
    coins: int
    balance_coins: int
    recorded_at: datetime
    pieces: tuple[Piece, ...]


class Lot(BaseModel):
    """
    Coins that came together, and where each of them is now.

    `coins` = remaining + spent + refunded + burned + paid_debts + adjusted + expired. Of the
    price, `released_minor` is earned by what was spent; the last coin brings the remainder.
    """

    model_config = ConfigDict(from_attributes=True)

    lot: UUID
    purchase: UUID
    kind: str
    coins: int
    remaining: int
    frozen: int
    spent: int
    refunded: int
    burned: int
    paid_debts: int
    adjusted: int
    expired: int
    debt: int
    price_minor: int
    released_minor: int
    currency: str
    channel: str
    country: str | None
    funded_at: datetime
    expires_at: datetime | None


class Books(BaseModel):
    """
    The whole ledger.

    Issued + adjusted-in = spent + refunded + disputed + expired + balances - debts, and the
    balances are the lots; `postings_sum` is zero.
    """

    issued_coins: int
    spent_coins: int
    refunded_coins: int
    disputed_coins: int
    adjusted_coins: int
    expired_coins: int
    balances_coins: int
    lots_coins: int
    debt_coins: int
    postings_sum: int
    gifts: int
    credits: int


def add_routes(router: APIRouter, database: Database) -> None:
    @router.get(
        "/wallets/{user}",
        tags=["wallets"],
        responses=refusals(Unauthenticated, NotYours, NoSuchWallet),
    )
    async def read_wallet(user: UserIdOrMe, caller: Caller) -> Wallet:
        """Read one's own wallet; `me` stands for the caller."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        async with database.transaction() as tx:
            coins, held, debt = await reading.balances(tx, user)
        return Wallet(user=user, coins=coins, held_coins=held, debt_coins=debt)

    _add_history(router, database)

    @router.get(
        "/operator/wallet/books",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def read_books(_: BooksReader) -> Books:
        """Read the totals that prove the coin ledger, all of one instant."""
        async with database.transaction() as tx:
            return Books(**asdict(await reading.totals(tx)))


def _add_history(router: APIRouter, database: Database) -> None:
    @router.get(
        "/wallets/{user}/movements",
        tags=["wallets"],
        responses=refusals(Unauthenticated, NotYours, BadCursor),
    )
    async def read_movements(
        user: UserIdOrMe, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[Movement]:
        """Read where one's coins came from and went, newest first; a gift names its lots."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        before = number_in(cursor)
        async with database.transaction() as tx:
            lines = await reading.history(tx, user, before=before, limit=limit)
        last = encode_cursor([lines[-1].entry]) if len(lines) == limit else None
        return Page(items=[Movement.model_validate(line) for line in lines], next_cursor=last)

    @router.get(
        "/wallets/{user}/lots",
        tags=["wallets"],
        responses=refusals(Unauthenticated, NotYours, BadCursor),
    )
    async def read_lots(
        user: UserIdOrMe, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[Lot]:
        """Read which purchases one's coins came from and where they went, newest first."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        before = moment_in(cursor)
        async with database.transaction() as tx:
            lines = await reading.lots(tx, user, before=before, limit=limit)
        last = [lines[-1].funded_at.isoformat(), str(lines[-1].lot)] if lines else []
        return Page(
            items=[Lot.model_validate(line) for line in lines],
            next_cursor=encode_cursor(last) if len(lines) == limit else None,
        )
