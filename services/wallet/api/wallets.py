"""Viewers read their coins, lots and history; operators read the totals."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from services.wallet.commands.queries import read_balances, read_totals
from services.wallet.store import queries
from shared.contracts.base import in_unit, like
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
from shared.http.bodies import Body
from shared.http.fields import (
    Coins,
    CountryCode,
    CurrencyCode,
    Instant,
    LotId,
    MinorUnits,
    PurchaseId,
    UserName,
)
from shared.http.pages import Cursor
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

BooksReader = Annotated[Identity, operator_with("books:read")]

router = APIRouter()


class Wallet(Body):
    """What a viewer has. `coins` can be spent, `held_coins` are frozen, `debt_coins` are owed."""

    user: UserName
    coins: Coins
    """What can be spent now, in coins."""
    held_coins: Annotated[Coins, like(0)]
    """
    Unspent coins that cannot be spent, because a refund, a dispute or a warning of fraud holds
    them.
    """
    debt_coins: Annotated[Coins, like(0)]
    """
    What the user owes: coins that were spent, and whose money was taken back. The next purchases
    pay it first.
    """


class Piece(Body):
    """The part of a gift that one lot paid."""

    model_config = ConfigDict(from_attributes=True)

    lot: LotId
    purchase: PurchaseId
    """The purchase that the lot came with; for a correction, its own id."""
    coins: Annotated[Coins, like(100)]
    """How many coins of this lot paid."""


class HistoryEntry(Body):
    """
    Coins that came (positive) or went (negative), and the balance they led to.

    `archive` names the archive that an old entry was read from.
    """

    movement: Annotated[int, Field(validation_alias="entry", examples=[1207])] = Field(
        validation_alias="entry"
    )
    """The number of the entry in the whole ledger: it rises, with holes between a user's own."""
    kind: Annotated[str, like("gift", "credit", "refund")]
    """
    Why coins moved: `credit` with a purchase, `gift`, `refund`, `dispute`, `claim` of a debt,
    `adjustment`, `expiry`, `forfeit`, and holds and releases.
    """
    cause: Annotated[
        str,
        Field(validation_alias="reference", examples=["gift:0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101"]),
    ] = Field(validation_alias="reference")
    """
    The business key of the entry: its kind and the id of the gift, purchase or refund. No other
    entry of the user has it.
    """
    coins: Annotated[int, in_unit("coins", -100)]
    """How many coins came (positive) or went (negative)."""
    balance_coins: Annotated[Coins, like(400)]
    """What could be spent after it, in coins."""
    recorded_at: Instant
    """When it was recorded."""
    pieces: tuple[Piece, ...]
    """For a gift, from which lots its coins came; empty for other kinds."""
    archive: Annotated[str | None, like(None, "entries-000001.parquet")]
    """The archive that an old entry was read from; null while it is in the database."""


class Lot(Body):
    """
    Coins that came together, and where each of them is now.

    `coins` = remaining + spent + refunded + burned + paid_debts + adjusted + expired + forfeited.
    Of the price without its tax, `released_minor` is earned by what was spent; the last coin brings
    the remainder.
    """

    model_config = ConfigDict(from_attributes=True)

    lot: LotId
    purchase: PurchaseId
    """The purchase that the coins came with; for a correction, its own id."""
    kind: Annotated[str, like("paid", "bonus", "promo")]
    """
    How they came: `paid` for, as a `bonus` of a package or first purchase, or with a promo code
    (`promo`). Spending takes `promo` first, then `bonus`, then `paid`.
    """
    coins: Annotated[Coins, like(500)]
    """How many coins the lot opened with; it never changes."""
    remaining: Annotated[Coins, like(400)]
    """How many are left, held ones included."""
    frozen: Annotated[Coins, like(0)]
    """How many of `remaining` are held and cannot be spent."""
    spent: Annotated[Coins, like(100)]
    """How many paid gifts."""
    refunded: Annotated[Coins, like(0)]
    """How many went because their money was refunded."""
    burned: Annotated[Coins, like(0)]
    """How many went because the bank took their money back."""
    paid_debts: Annotated[Coins, like(0)]
    """How many paid what the user owed for other lots."""
    adjusted: Annotated[Coins, like(0)]
    """How many a correction by operators took."""
    expired: Annotated[Coins, like(0)]
    """How many expired."""
    forfeited: Annotated[Coins, like(0)]
    """How many the user gave up when they asked to be erased."""
    debt: Annotated[Coins, like(0)]
    """How many of `spent` and `paid_debts` are owed, because their money was taken back."""
    price_minor: Annotated[MinorUnits, like(499)]
    """What was paid for the lot, tax included; 0 for a bonus, a promo code or a correction."""
    tax_minor: Annotated[MinorUnits, like(0)]
    """How much of `price_minor` is tax."""
    released_minor: Annotated[MinorUnits, like(99)]
    """How much of the price without tax is revenue, because its coins were used."""
    currency: CurrencyCode
    channel: Annotated[str, like("web")]
    """Where it was bought: `web`, `ios` or `android`."""
    country: CountryCode | None
    """
    The country of the buyer when they paid (ISO 3166-1 alpha-2); null if their token named none.
    """
    funded_at: Instant
    """When the coins came."""
    expires_at: Annotated[Instant | None, like(None, "2026-12-23T12:00:00Z")]
    """When what is left expires; null for coins that do not."""


class Books(Body):
    """
    The whole ledger.

    Issued = spent + refunded + disputed + adjusted + expired + forfeited + balances - debts, and
    the balances are the lots; `postings_sum` is zero. Adjusted are coins that corrections took,
    less those that they gave.
    """

    model_config = ConfigDict(from_attributes=True)

    issued_coins: Annotated[Coins, like(1_250_000)]
    """How many coins ever came, with purchases, bonuses and promo codes."""
    spent_coins: Annotated[Coins, like(480_000)]
    """How many paid gifts."""
    refunded_coins: Annotated[Coins, like(12_000)]
    """How many went with refunds."""
    disputed_coins: Annotated[Coins, like(3_000)]
    """How many went with disputes."""
    adjusted_coins: Annotated[int, in_unit("coins", 0)]
    """How many corrections took, less those that they gave; it may be below zero."""
    expired_coins: Annotated[Coins, like(5_000)]
    """How many expired."""
    forfeited_coins: Annotated[Coins, like(0)]
    """How many were given up with erasures."""
    balances_coins: Annotated[Coins, like(750_500)]
    """What all users have, held coins included."""
    lots_coins: Annotated[Coins, like(750_500)]
    """What is left in all lots. It equals `balances_coins`, else a coin appeared or vanished."""
    debt_coins: Annotated[Coins, like(500)]
    """What all users owe."""
    postings_sum: Annotated[int, in_unit("coins", 0)]
    """The sum of all postings of the ledger: 0, else an entry is not balanced."""
    gifts: Annotated[int, in_unit("gifts", 1_200)]
    """How many gifts were paid."""
    credits: Annotated[int, in_unit("credits", 310)]
    """How many times a purchase brought coins."""


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
    user: OwnUser, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[HistoryEntry]:
    """Read where one's coins came from and went, newest first; a gift names its lots."""
    return await history_of(db, user, cursor, limit)


async def history_of(db: Db, user: str, cursor: Cursor, limit: int) -> Page[HistoryEntry]:
    """Return a page of where a user's coins came from and went, the newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await queries.history(tx, user, before=before, limit=limit)
    return page([HistoryEntry(**line) for line in lines], limit, lambda line: [line.movement])


@router.get(
    "/wallets/{user:person}/lots",
    tags=["wallets"],
    responses=refusals(Unauthenticated, NotYours, BadCursor),
)
async def list_lots(user: OwnUser, db: Db, cursor: Cursor = None, limit: Limit = 50) -> Page[Lot]:
    """Read which purchases one's coins came from and where they went, newest first."""
    return await lots_of(db, user, cursor, limit)


async def lots_of(db: Db, user: str, cursor: Cursor, limit: int) -> Page[Lot]:
    """Return a page of a user's coins by where they came from, the newest first."""
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
