"""The liability to viewers: coins by country, currency and age, and what became of their price."""

from collections.abc import Sequence
from datetime import date, datetime

from services.wallet import columns as tables
from services.wallet.domain.liability import BreakageLine, LiabilityLine
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_line = RowMapper(LiabilityLine, tables.LiabilityLine)
_breakage = RowMapper(BreakageLine)


def _age(days: str) -> str:
    """Return the SQL that names the age of something by its days."""
    return (
        f"CASE WHEN {days} <= 30 THEN '0-30' WHEN {days} <= 90 THEN '31-90'"
        f" WHEN {days} <= 365 THEN '91-365' ELSE 'over 365' END"
    )


async def liability(tx: Transaction) -> list[LiabilityLine]:
    """
    Sum up what viewers hold now, by country, currency and the age of the lots.

    A lot's price without its tax is split among its coins in proportion, cumulatively: what is
    released, refunded, disputed and deferred adds up to exactly that of every lot.
    """
    return [_line(row) for row in await tx.execute(_LIABILITY)]


# Cumulative floors: each part is a difference of two, so no cent is lost between them. Coins that
# paid a debt bought the gifts that debt was for; coins adjusted away, expired or forfeited
# are nobody's.
_LIABILITY = text(f"""
    SELECT country, currency, {_age("days")} AS age,
           count(*) AS lots, sum(remaining)::bigint AS unspent_coins,
           sum(price_minor)::bigint AS price_minor, sum(tax_minor)::bigint AS tax_minor,
           sum(price_minor - price_minor * (coins - remaining) / coins)::bigint
               AS deferred_gross_minor,
           sum(net_minor - net_minor * (coins - remaining) / coins)::bigint AS deferred_minor,
           sum(net_minor * gone / coins)::bigint AS released_minor,
           sum(net_minor * (gone + refunded) / coins - net_minor * gone / coins)::bigint
               AS refunded_minor,
           sum(net_minor * (coins - remaining) / coins
               - net_minor * (gone + refunded) / coins)::bigint AS disputed_minor
    FROM (
        SELECT coins, remaining, price_minor, tax_minor, refunded, currency,
               coalesce(country, '') AS country, price_minor - tax_minor AS net_minor,
               spent + paid_debts + adjusted + expired + forfeited AS gone,
               extract(day FROM now() - funded_at) AS days
        FROM lots WHERE price_minor > 0
    ) AS l
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608 - our own text only


async def was_taken(tx: Transaction, day: date) -> bool:
    return bool((await tx.execute(_WAS_TAKEN, {"day": day})).scalar_one())


_WAS_TAKEN = text("SELECT EXISTS (SELECT FROM liability_days WHERE day = CAST(:day AS date))")


async def add_day(
    tx: Transaction, day: date, taken_at: datetime, lines: Sequence[LiabilityLine]
) -> None:
    """Keep the liability at the end of a day, unless it is kept already."""
    added = await tx.execute(_ADD_DAY, {"day": [day], "taken_at": [taken_at]})
    if added.first() is not None and lines:
        rows = arrays(lines, *LiabilityLine.__slots__)
        await tx.execute(_ADD_LINES, {**rows, "day": [day] * len(lines)})


_ADD_DAY = insert_rows(
    tables.LiabilityDay, "day", "taken_at", then="ON CONFLICT DO NOTHING RETURNING day"
)
_ADD_LINES = insert_rows(tables.LiabilityLine, "day", *LiabilityLine.__slots__)


async def liability_of(tx: Transaction, day: date) -> list[LiabilityLine]:
    """Return what was kept of a day."""
    return [_line(row) for row in await tx.execute(_OF_DAY, {"day": day})]


_OF_DAY = text(f"""
    SELECT {_line.columns} FROM liability_lines WHERE day = CAST(:day AS date)
    ORDER BY country, currency, age
""")  # noqa: S608 - our own text only


async def breakage(tx: Transaction) -> list[BreakageLine]:
    """Sum up unused coins by the age of their lots, and by how long their wallets lie still."""
    return [_breakage(row) for row in await tx.execute(_BREAKAGE)]


_BREAKAGE = text(f"""
    SELECT currency, {_age("days")} AS age, {_age("idle_days")} AS idle,
           count(*) AS lots, count(*) FILTER (WHERE remaining = coins) AS untouched,
           count(DISTINCT user_id) AS wallets, sum(remaining)::bigint AS unspent_coins,
           sum(price_minor - price_minor * (coins - remaining) / coins)::bigint
               AS deferred_gross_minor,
           sum(net_minor - net_minor * (coins - remaining) / coins)::bigint AS deferred_minor
    FROM (
        SELECT user_id, coins, remaining, currency, price_minor,
               price_minor - tax_minor AS net_minor,
               extract(day FROM now() - funded_at) AS days,
               extract(day FROM now() - (
                   SELECT greatest((
                       SELECT recorded_at FROM entries WHERE entries.user_id = lots.user_id
                       ORDER BY number DESC LIMIT 1
                   ), (
                       SELECT max(last_at) FROM archived_users
                       WHERE archived_users.user_id = lots.user_id
                   ))
               )) AS idle_days
        FROM lots WHERE open AND remaining > 0
    ) AS l
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608 - our own text only
