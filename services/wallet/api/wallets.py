"""Viewers read their coins, lots and history; operators read the totals."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.wallet.commands.queries import read_balances, read_totals
from services.wallet.store import queries
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    Limit,
    OwnUser,
    Page,
    moment_in,
    number_in,
    page,
    refusals,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

BooksReader = Annotated[Identity, operator_with("books:read")]

router = APIRouter()


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


class HistoryEntry(BaseModel):
    """
    Coins that came (positive) or went (negative), and the balance they led to.

    `archive` names the archive that an old entry was read from.
    """

    movement: int = Field(validation_alias="entry")
    kind: str
    cause: str = Field(validation_alias="reference")
    coins: int
    balance_coins: int
    recorded_at: datetime
    pieces: tuple[Piece, ...]
    archive: str | None


class Lot(BaseModel):
    """
    Coins that came together, and where each of them is now.

    `coins` = remaining + spent + refunded + burned + paid_debts + adjusted + expired + forfeited.
    Of the price without its tax, `released_minor` is earned by what was spent; the last coin brings
    the remainder.
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
    forfeited: int
    debt: int
    price_minor: int
    tax_minor: int
    released_minor: int
    currency: str
    channel: str
    country: str | None
    funded_at: datetime
    expires_at: datetime | None


class Books(BaseModel):
    """
    The whole ledger.

    Issued = spent + refunded + disputed + adjusted + expired + forfeited + balances - debts, and
    the balances are the lots; `postings_sum` is zero. Adjusted are coins that corrections took,
    less those that they gave.
    """

    model_config = ConfigDict(from_attributes=True)

    issued_coins: int
    spent_coins: int
    refunded_coins: int
    disputed_coins: int
    adjusted_coins: int
    expired_coins: int
    forfeited_coins: int
    balances_coins: int
    lots_coins: int
    debt_coins: int
    postings_sum: int
    gifts: int
    credits: int


@router.get(
    "/wallets/{user:person}",
    tags=["wallets"],
    responses=refusals(Unauthenticated, NotYours),
)
async def read_wallet(user: OwnUser, db: Db) -> Wallet:
    """Read one's own wallet; `me` stands for the caller. A newcomer's is empty."""
    async with db.transaction() as tx:
        coins, held, debt = await read_balances(tx, user)
    return Wallet(user=user, coins=coins, held_coins=held, debt_coins=debt)


@router.get(
    "/wallets/{user:person}/movements",
    tags=["wallets"],
    responses=refusals(Unauthenticated, NotYours, BadCursor, ArchiveUnavailable),
)
async def list_history_entries(
    user: OwnUser, db: Db, cursor: str | None = None, limit: Limit = 50
) -> Page[HistoryEntry]:
    """Read where one's coins came from and went, newest first; a gift names its lots."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await queries.history(tx, user, before=before, limit=limit)
    return page([HistoryEntry(**line) for line in lines], limit, lambda line: [line.movement])


@router.get(
    "/wallets/{user:person}/lots",
    tags=["wallets"],
    responses=refusals(Unauthenticated, NotYours, BadCursor),
)
async def list_lots(
    user: OwnUser, db: Db, cursor: str | None = None, limit: Limit = 50
) -> Page[Lot]:
    """Read which purchases one's coins came from and where they went, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        lots = await queries.lots_of(tx, user, before=before, limit=limit)
    return page(
        [Lot.model_validate(lot) for lot in lots],
        limit,
        lambda lot: [lot.funded_at.isoformat(), str(lot.lot)],
    )


@router.get(
    "/operator/wallet/books", tags=["finance"], responses=refusals(Unauthenticated, ScopeMissing)
)
async def read_wallet_books(_: BooksReader, db: AllParts) -> Books:
    """Read the totals that prove the coin ledger; those of a part are of one instant."""
    return Books.model_validate(await read_totals(db))
