"""What a viewer has and did, and the totals of the coin ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.coins import COINS
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of an entry that one lot paid."""

    lot: UUID
    purchase: UUID
    coins: int


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as its viewer sees it; a gift names the lots that paid it."""

    entry: int
    kind: str
    reference: str
    coins: int
    balance_coins: int
    recorded_at: datetime
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LotLine:
    """A lot as its viewer sees it: its coins, its price, and where the coins went."""

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


@dataclass(frozen=True, slots=True)
class Books:
    """The whole ledger in a few numbers; `postings_sum` is zero, or something is badly wrong."""

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


@dataclass(frozen=True, slots=True)
class GiftLine:
    """A gift, and how many coins of one purchase paid for it."""

    entry: int
    gift: UUID
    coins: int


async def balances(tx: Transaction, user: str) -> dict[str, int]:
    """Return the balance of each account of a user; empty if there is none yet."""
    rows = await tx.execute(_BALANCES, {"user": user, "asset": COINS})
    return {row.kind: row.balance for row in rows}


async def history(tx: Transaction, user: str, *, before: int | None, limit: int) -> list[Line]:
    """Return the newest entries of a user's coins, older than `before`."""
    rows = await tx.execute(_HISTORY, {"user": user, "before": before, "limit": limit})
    gifts = [row.reference.removeprefix("gift:") for row in rows if row.kind == "gift"]
    pieces: dict[int, list[Piece]] = {}
    for row in await tx.execute(_PIECES, {"user": user, "gifts": gifts}):
        pieces.setdefault(row.entry, []).append(Piece(row.lot, row.purchase, row.coins))
    return [
        Line(
            entry=row.id,
            kind=row.kind,
            reference=row.reference,
            coins=row.amount,
            balance_coins=row.balance_after,
            recorded_at=row.recorded_at,
            pieces=tuple(pieces.get(row.id, ())),
        )
        for row in rows
    ]


async def lots_of(
    tx: Transaction, user: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[LotLine]:
    """Return a user's lots, the newest first, older than `before`."""
    at, lot = before or (None, None)
    rows = await tx.execute(_LOTS, {"user": user, "at": at, "lot": lot, "limit": limit})
    return [LotLine(*row) for row in rows]


async def lots_of_purchase(tx: Transaction, user: str, purchase: UUID) -> list[LotLine]:
    rows = await tx.execute(_LOTS_OF_PURCHASE, {"user": user, "purchase": purchase})
    return [LotLine(*row) for row in rows]


async def gifts_of_purchase(
    tx: Transaction, user: str, purchase: UUID, *, before: int | None, limit: int
) -> list[GiftLine]:
    """Return which gifts the coins of a purchase paid, the newest first, from `before` on."""
    rows = await tx.execute(
        _GIFTS_OF_PURCHASE, {"user": user, "purchase": purchase, "before": before, "limit": limit}
    )
    return [GiftLine(*row) for row in rows]


async def books(tx: Transaction) -> Books:
    """Sum the whole ledger, in one statement and so at one instant."""
    return Books(*(await tx.execute(_BOOKS)).one())


async def users_of_expired_lots(tx: Transaction, *, now: datetime, limit: int) -> Sequence[str]:
    rows = await tx.execute(_EXPIRED, {"now": now, "limit": limit})
    return [row.user_id for row in rows]


_BALANCES = text("SELECT kind, balance FROM accounts WHERE user_id = :user AND asset = :asset")
_HISTORY = text("""
    SELECT e.id, e.kind, e.reference, p.amount,
           p.balance_after AS balance_after, e.recorded_at
    FROM entries AS e
    JOIN postings AS p ON p.user_id = e.user_id AND p.entry = e.id AND p.account = 'main'
    WHERE e.user_id = :user AND e.id < coalesce(CAST(:before AS bigint), 9223372036854775807)
    ORDER BY e.id DESC
    LIMIT :limit
""")
_PIECES = text("""
    SELECT s.entry, s.lot, l.purchase, s.coins
    FROM slices AS s JOIN lots AS l ON l.user_id = s.user_id AND l.id = s.lot
    WHERE s.user_id = :user AND s.gift = ANY(CAST(:gifts AS uuid[]))
    ORDER BY s.entry, s.lot
""")
# What is released to revenue: what was spent, in the proportion of the price, so that the last
# coin brings the remainder.
_LOT_COLUMNS = """
    id, purchase, kind, coins, remaining, frozen, spent, refunded, burned, paid_debts, adjusted,
    expired, owed - settled, price_minor, price_minor * (spent + paid_debts) / coins, currency,
    channel, country, funded_at, expires_at
"""
_LOTS = text(f"""
    SELECT {_LOT_COLUMNS} FROM lots
    WHERE user_id = :user AND (
        CAST(:at AS timestamptz) IS NULL
        OR (funded_at, id) < (CAST(:at AS timestamptz), CAST(:lot AS uuid))
    )
    ORDER BY funded_at DESC, id DESC
    LIMIT :limit
""")  # noqa: S608 - our own text only
_LOTS_OF_PURCHASE = text(f"""
    SELECT {_LOT_COLUMNS} FROM lots WHERE user_id = :user AND purchase = :purchase ORDER BY kind
""")  # noqa: S608 - our own text only
_GIFTS_OF_PURCHASE = text("""
    SELECT slices.entry, slices.gift, sum(slices.coins)::bigint
    FROM lots JOIN slices ON slices.user_id = lots.user_id AND slices.lot = lots.id
    WHERE lots.user_id = :user AND lots.purchase = :purchase
      AND slices.entry < coalesce(CAST(:before AS bigint), 9223372036854775807)
    GROUP BY slices.entry, slices.gift
    ORDER BY slices.entry DESC
    LIMIT :limit
""")
_BOOKS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@issued'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@spent'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@refunded'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@disputed'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@adjusted'), 0)::bigint,
        coalesce(sum(amount) FILTER (WHERE account = '@expired'), 0)::bigint,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind <> 'debt'),
        (SELECT coalesce(sum(remaining), 0)::bigint FROM lots),
        (SELECT coalesce(-sum(balance), 0)::bigint FROM accounts WHERE kind = 'debt'),
        coalesce(sum(amount), 0)::bigint,
        count(*) FILTER (WHERE account = '@spent'),
        count(*) FILTER (WHERE account = '@issued')
    FROM postings
""")
_EXPIRED = text("""
    SELECT DISTINCT user_id FROM lots
    WHERE expires_at <= CAST(:now AS timestamptz) AND open AND frozen = 0
    LIMIT :limit
""")
