"""Every statement the wallet sends to PostgreSQL, beside the ledger's own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.wallet.domain import COINS, Lot, Origin, Slice, spending_order
from services.wallet.tables import Account
from shared.database import Transaction


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot as it is opened: its coins, and the money and place they came from."""

    user: str
    lot: Lot
    purchase: UUID
    price_minor: int
    currency: str
    channel: str
    country: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """Which slices paid for a gift, under which movement."""

    user: str
    gift: UUID
    movement: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A movement as its viewer sees it."""

    movement: int
    kind: str
    cause: str
    coins: int
    balance_coins: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """The whole ledger in five numbers; `postings_sum` is zero, or something is badly wrong."""

    issued_coins: int
    spent_coins: int
    balances_coins: int
    lots_coins: int
    postings_sum: int
    gifts: int
    credits: int


async def open_lots(tx: Transaction, users: Iterable[str]) -> dict[str, list[Lot]]:
    """Read the lots with coins left, in spending order; the users' accounts are locked."""
    lots: dict[str, list[Lot]] = {user: [] for user in users}
    for row in await tx.execute(_OPEN_LOTS, {"users": list(lots)}):
        lots[row.user_id].append(
            Lot(
                id=row.id,
                origin=Origin(row.kind),
                remaining=row.remaining,
                frozen=row.frozen,
                diamond_rate_bp=row.diamond_rate_bp,
                funded_at=row.funded_at,
                expires_at=row.expires_at,
            )
        )
    return {user: spending_order(of_user) for user, of_user in lots.items()}


async def add_lots(tx: Transaction, lots: Sequence[NewLot]) -> None:
    if not lots:
        return
    await tx.execute(
        _ADD_LOTS,
        {
            "users": [new.user for new in lots],
            "ids": [new.lot.id for new in lots],
            "purchases": [new.purchase for new in lots],
            "kinds": [new.lot.origin.value for new in lots],
            "coins": [new.lot.remaining for new in lots],
            "prices": [new.price_minor for new in lots],
            "currencies": [new.currency for new in lots],
            "channels": [new.channel for new in lots],
            "countries": [new.country for new in lots],
            "rates": [new.lot.diamond_rate_bp for new in lots],
            "funded": [new.lot.funded_at for new in lots],
        },
    )


async def record_payments(tx: Transaction, payments: Sequence[Payment]) -> None:
    """Remember which coins went, and take them out of their lots."""
    if not payments:
        return
    rows = [(payment, slice_) for payment in payments for slice_ in payment.slices]
    await tx.execute(
        _ADD_SLICES,
        {
            "users": [payment.user for payment, _ in rows],
            "gifts": [payment.gift for payment, _ in rows],
            "lots": [slice_.lot.id for _, slice_ in rows],
            "coins": [slice_.coins for _, slice_ in rows],
            "movements": [payment.movement for payment, _ in rows],
        },
    )
    touched = {(payment.user, slice_.lot.id): slice_.lot for payment, slice_ in rows}
    await tx.execute(
        _UPDATE_LOTS,
        {
            "users": [user for user, _ in touched],
            "ids": [lot for _, lot in touched],
            "remaining": [lot.remaining for lot in touched.values()],
        },
    )


async def balances(tx: Transaction, user: str) -> dict[str, int]:
    """Return the balance of each account of a user; empty if there is none yet."""
    accounts = select(Account.kind, Account.balance).where(
        col(Account.user_id) == user, col(Account.unit) == COINS
    )
    return {row.kind: row.balance for row in await tx.execute(accounts)}


async def history(tx: Transaction, user: str, *, before: int | None, limit: int) -> list[Line]:
    """Return the newest movements of a user's coins, older than `before`."""
    rows = await tx.execute(_HISTORY, {"user": user, "before": before, "limit": limit})
    return [Line(*row) for row in rows]


async def books(tx: Transaction) -> Books:
    """Sum the whole ledger, in one statement and so at one instant."""
    return Books(*(await tx.execute(_BOOKS)).one())


_OPEN_LOTS = text("""
    SELECT user_id, id, kind, remaining, frozen, diamond_rate_bp, funded_at, expires_at
    FROM lots
    WHERE user_id = ANY(CAST(:users AS text[])) AND open
""")
_ADD_LOTS = text("""
    INSERT INTO lots (
        user_id, id, purchase, kind, coins, remaining, open, price_minor, currency, channel,
        country, diamond_rate_bp, funded_at
    )
    SELECT user_id, id, purchase, kind, coins, coins, true, price_minor, currency, channel,
           country, diamond_rate_bp, funded_at
    FROM unnest(
        CAST(:users AS text[]), CAST(:ids AS uuid[]), CAST(:purchases AS uuid[]),
        CAST(:kinds AS text[]), CAST(:coins AS bigint[]), CAST(:prices AS bigint[]),
        CAST(:currencies AS text[]), CAST(:channels AS text[]), CAST(:countries AS text[]),
        CAST(:rates AS integer[]), CAST(:funded AS timestamptz[])
    ) AS new (
        user_id, id, purchase, kind, coins, price_minor, currency, channel, country,
        diamond_rate_bp, funded_at
    )
""")
_ADD_SLICES = text("""
    INSERT INTO slices (user_id, gift, lot, coins, movement)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:coins AS bigint[]), CAST(:movements AS bigint[])
    )
""")
_UPDATE_LOTS = text("""
    UPDATE lots SET remaining = new.remaining, open = new.remaining > 0
    FROM unnest(
        CAST(:users AS text[]), CAST(:ids AS uuid[]), CAST(:remaining AS bigint[])
    ) AS new (user_id, id, remaining)
    WHERE lots.user_id = new.user_id AND lots.id = new.id
""")
_HISTORY = text("""
    SELECT m.id, m.kind, m.cause, p.amount, p.balance_after, m.recorded_at
    FROM movements AS m
    JOIN postings AS p ON p.user_id = m.user_id AND p.movement = m.id AND p.account = 'main'
    WHERE m.user_id = :user AND m.id < coalesce(CAST(:before AS bigint), 9223372036854775807)
    ORDER BY m.id DESC
    LIMIT :limit
""")
_BOOKS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@issued'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@spent'), 0)::bigint,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts),
        (SELECT coalesce(sum(remaining), 0)::bigint FROM lots),
        coalesce(sum(amount), 0)::bigint,
        count(*) FILTER (WHERE account = '@spent'),
        count(*) FILTER (WHERE account = '@issued')
    FROM postings
""")
