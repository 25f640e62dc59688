"""What the wallet is asked."""

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.wallet import commands
from services.wallet.domain import NoSuchWallet
from shared.auth import Caller, NotYours, ScopeMissing, Unauthenticated, require_own, require_scope
from shared.database import Database
from shared.http import BadCursor, Limit, Page, decode_cursor, encode_cursor, refusals

BOOKS_SCOPE = "books:read"
ME = "me"


class Wallet(BaseModel):
    """What a viewer has. `coins` can be spent, `held_coins` are frozen, `debt_coins` are owed."""

    user: str
    coins: int
    held_coins: int
    debt_coins: int


class Movement(BaseModel):
    """Coins that came (positive) or went (negative), and the balance they led to."""

    model_config = ConfigDict(from_attributes=True)

    movement: int
    kind: str
    cause: str
    coins: int
    balance_coins: int
    recorded_at: datetime


class Books(BaseModel):
    """The whole ledger: issued = spent + balances, and balances = lots."""

    issued_coins: int
    spent_coins: int
    balances_coins: int
    lots_coins: int
    postings_sum: int
    gifts: int
    credits: int


def build_router(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get(
        "/wallets/{user}",
        tags=["wallets"],
        responses=refusals(Unauthenticated, NotYours, NoSuchWallet),
    )
    async def read_wallet(user: str, caller: Caller) -> Wallet:
        """Read one's own wallet; `me` stands for the caller."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        async with database.transaction() as tx:
            coins, held, debt = await commands.balances(tx, user)
        return Wallet(user=user, coins=coins, held_coins=held, debt_coins=debt)

    @router.get(
        "/wallets/{user}/movements",
        tags=["wallets"],
        responses=refusals(Unauthenticated, NotYours, BadCursor),
    )
    async def read_movements(
        user: str, caller: Caller, cursor: str | None = None, limit: Limit = 50
    ) -> Page[Movement]:
        """Read where one's coins came from and went, newest first."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        before = _position(cursor)
        async with database.transaction() as tx:
            lines = await commands.history(tx, user, before=before, limit=limit)
        last = encode_cursor([lines[-1].movement]) if len(lines) == limit else None
        return Page(items=[Movement.model_validate(line) for line in lines], next_cursor=last)

    @router.get(
        "/operator/wallet/books",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def read_books(caller: Caller) -> Books:
        """Read the totals that prove the coin ledger, all of one instant."""
        require_scope(caller, BOOKS_SCOPE)
        async with database.transaction() as tx:
            return Books(**asdict(await commands.books(tx)))

    return router


def _position(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    if len(values) != 1 or not isinstance(values[0], int):
        raise BadCursor
    return values[0]
