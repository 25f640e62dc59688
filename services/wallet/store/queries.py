"""
What is read of wallets for people: balances, history, lots, and the totals of the coin ledger.

Columns are called as the API calls them, so that a row is shown as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.wallet.domain.coins import COINS
from shared.ledger.recall import ARCHIVED, hold_archives, recall_newest_first
from shared.postgres.database import Row, Rows, Transaction
from shared.postgres.statements import Statement, text


async def balances(tx: Transaction, user: str) -> dict[str, int]:
    """Return the balance of each account of a user; empty if there is none yet."""
    rows = await tx.execute(_BALANCES, {"user": user, "asset": COINS})
    return {row.kind: row.balance for row in rows}


async def history(
    tx: Transaction, user: str, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """
    Return the newest entries of a user's coins, older than `before`; a gift has its pieces.

    An entry that was read from an archive says from which.
    """
    found = await _newest(tx, _HISTORY, {"user": user, "before": before, "limit": limit})
    rows = [row for row, _ in found]
    lots = {lot for row in rows for lot in row.lots}
    named = await tx.execute(_PURCHASES, {"user": user, "lots": list(lots)}) if lots else ()
    purchases = {row.id: row.purchase for row in named}
    return [
        {
            **row,
            "archive": file,
            "pieces": [
                {"lot": lot, "purchase": purchases[lot], "coins": coins}
                for lot, coins in sorted(zip(row.lots, row.slices, strict=True))
            ],
        }
        for row, file in found
    ]


async def _newest(
    tx: Transaction, statements: tuple[Statement, Statement], asked: dict[str, Any]
) -> list[tuple[Row, str | None]]:
    """Read a page out of the table, and where that ends out of archives; each row with its file."""
    await hold_archives(tx)
    of_table, of_archive = statements
    limit: int = asked["limit"]
    found: list[tuple[Row, str | None]] = [(row, None) for row in await tx.execute(of_table, asked)]
    if len(found) < limit:
        recalled = recall_newest_first(tx, asked["user"], before=asked["before"])
        async for file, rows in recalled:
            left = {**asked, "archived": rows, "limit": limit - len(found)}
            found += [(row, file) for row in await tx.execute(of_archive, left)]
            if len(found) == limit:
                break
    return found


async def lots_of(
    tx: Transaction, user: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> Rows:
    """Return a user's lots, the newest first, older than `before`."""
    at, lot = before or (None, None)
    return await tx.execute(_LOTS, {"user": user, "at": at, "lot": lot, "limit": limit})


async def lots_of_purchase(tx: Transaction, user: str, purchase: UUID) -> Rows:
    return await tx.execute(_LOTS_OF_PURCHASE, {"user": user, "purchase": purchase})


async def find_lot(tx: Transaction, user: str, lot: UUID) -> Row | None:
    """Return a lot, which says what purchase it is of."""
    found: Row | None = (await tx.execute(_LOT, {"user": user, "lot": lot})).first()
    return found


async def gifts_of_purchase(
    tx: Transaction, user: str, purchase: UUID, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """
    Return which gifts the coins of a purchase paid, the newest first, from `before` on.

    A gift that was read from an archive says from which.
    """
    about = {"user": user, "purchase": purchase, "before": before, "limit": limit}
    return [{**row, "archive": file} for row, file in await _newest(tx, _GIFTS_OF_PURCHASE, about)]


async def totals(tx: Transaction) -> Row:
    """Sum the whole ledger, in one statement and so at one instant."""
    row: Row = (await tx.execute(_TOTALS)).one()
    return row


async def users_of_expired_lots(tx: Transaction, *, now: datetime, limit: int) -> Sequence[str]:
    rows = await tx.execute(_EXPIRED, {"now": now, "limit": limit})
    return [row.user_id for row in rows]


_BALANCES = text("SELECT kind, balance FROM accounts WHERE user_id = :user AND asset = :asset")


def _of_both(statement: str) -> tuple[Statement, Statement]:
    """Return a statement over `{entries}`, once of the table, and once of an archive."""
    return text(statement.replace("{entries}", "entries")), text(
        statement.replace("{entries}", f"{ARCHIVED} AS entries")
    )


_HISTORY = _of_both("""
    SELECT number AS entry, kind, coalesce(reference, 'gift:' || gift) AS reference,
           amounts[place] AS coins,
           balances_after[place] AS balance_coins, recorded_at, coalesce(lots, '{}') AS lots,
           CASE WHEN lots IS NULL THEN '{}' ELSE coalesce(slices, amounts[2:2]) END AS slices
    FROM {entries}, array_position(string_to_array(accounts, ','), 'main') AS place
    WHERE user_id = :user AND place > 0
      AND number < coalesce(CAST(:before AS bigint), 9223372036854775807)
    ORDER BY number DESC
    LIMIT :limit
""")
_PURCHASES = text("""
    SELECT id, purchase FROM lots WHERE user_id = :user AND id = ANY(CAST(:lots AS uuid[]))
""")
# What is released to revenue: what was spent, in the proportion of the price without its tax, so
# that the last coin brings the remainder.
_LOT_COLUMNS = """
    id AS lot, purchase, kind, coins, remaining, held AS frozen, spent, refunded,
    charged_back AS burned, paid_debts, adjusted, expired, forfeited, owed - repaid AS debt,
    price_minor, tax_minor,
    (price_minor - tax_minor) * (spent + paid_debts) / coins AS released_minor,
    currency, channel, country, funded_at, expires_at
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
_LOT = text(f"SELECT {_LOT_COLUMNS} FROM lots WHERE user_id = :user AND id = :lot")  # noqa: S608
_GIFTS_OF_PURCHASE = _of_both("""
    SELECT number AS entry, gift, sum(slice.coins)::bigint AS coins
    FROM {entries}, unnest(lots, coalesce(slices, amounts[2:2])) AS slice (lot, coins)
    JOIN lots AS of_purchase ON of_purchase.user_id = :user AND of_purchase.id = slice.lot
    WHERE entries.user_id = :user AND entries.kind = 'gift' AND of_purchase.purchase = :purchase
      AND number < coalesce(CAST(:before AS bigint), 9223372036854775807)
    GROUP BY number, gift
    ORDER BY number DESC
    LIMIT :limit
""")
_TOTALS = text("""
    SELECT
        coalesce(-sum(amount) FILTER (WHERE account = '@issued'), 0)::bigint AS issued_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@spent'), 0)::bigint AS spent_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@refunded'), 0)::bigint AS refunded_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@disputed'), 0)::bigint AS disputed_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@adjusted'), 0)::bigint AS adjusted_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@expired'), 0)::bigint AS expired_coins,
        coalesce(sum(amount) FILTER (WHERE account = '@forfeited'), 0)::bigint AS forfeited_coins,
        (SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind <> 'debt')
            AS balances_coins,
        (SELECT coalesce(sum(remaining), 0)::bigint FROM lots) AS lots_coins,
        (SELECT coalesce(-sum(balance), 0)::bigint FROM accounts WHERE kind = 'debt') AS debt_coins,
        coalesce(sum(amount), 0)::bigint AS postings_sum,
        (
            SELECT count(*) FROM entries WHERE '@spent' = ANY(string_to_array(accounts, ','))
        ) + (
            SELECT coalesce(sum(postings), 0)::bigint FROM archive_totals WHERE account = '@spent'
        ) AS gifts,
        (
            SELECT count(*) FROM entries WHERE '@issued' = ANY(string_to_array(accounts, ','))
        ) + (
            SELECT coalesce(sum(postings), 0)::bigint FROM archive_totals WHERE account = '@issued'
        ) AS credits
    FROM postings
""")
_EXPIRED = text("""
    SELECT DISTINCT user_id FROM lots
    WHERE expires_at <= CAST(:now AS timestamptz) AND open AND held = 0
    LIMIT :limit
""")
