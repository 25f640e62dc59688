"""Closed months of creators, and what came after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.payout import columns as tables
from services.payout.domain.statements import Change, Line, Month, PostingSum
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Closed:
    """How far a creator's statements are closed: to the beginning of a month, and an entry."""

    creator: str
    closed_until: date
    closed_entry: int


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A closed month in a list."""

    month: date
    number: int | None
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """What changed in one asset, by line: before a period, or in it."""

    is_before: bool
    asset: str
    line: str
    amount: int
    entries: int


_closed = RowMapper(Closed, tables.Creator)
_sum = RowMapper(PostingSum)
_month = RowMapper(Month, tables.Statement)
_month_line = RowMapper(MonthLine, tables.Statement)
_period_change = RowMapper(PeriodChange)


async def due(tx: Transaction, month: date, limit: int) -> list[str]:
    """Return creators who have months before this one to be closed."""
    rows = await tx.execute(_DUE, {"month": month, "limit": limit})
    return [row.creator for row in rows]


_DUE = text("""
    SELECT creator FROM creators WHERE closed_until < CAST(:month AS date)
    ORDER BY closed_until, creator LIMIT :limit
""")


async def count_due(tx: Transaction, month: date) -> int:
    """Count creators who have months before this one to be closed, up to some thousands."""
    return int((await tx.execute(_COUNT_DUE, {"month": month})).scalar_one())


_COUNT_DUE = text("""
    SELECT count(*) FROM (
        SELECT 1 FROM creators WHERE closed_until < CAST(:month AS date) LIMIT 10000
    ) AS due
""")


async def read_closed(tx: Transaction, creators: Sequence[str]) -> dict[str, Closed]:
    rows = await tx.execute(_CLOSED, {"creators": list(creators)})
    return {row.creator: _closed(row) for row in rows}


_CLOSED = text(f"""
    SELECT {_closed.columns} FROM creators WHERE creator = ANY(CAST(:creators AS text[]))
""")  # noqa: S608 - our own text only


async def open_sums(
    tx: Transaction, creators: Sequence[str], zone: str
) -> dict[str, list[PostingSum]]:
    """
    Sum up the entries that are in no closed month, by month, kind and account.

    An entry is of the latest month of those up to it, and of no closed one: a clock that was set
    back moves no entry into a month before its predecessor's.
    """
    found: dict[str, list[PostingSum]] = {creator: [] for creator in creators}
    for row in await tx.execute(_OPEN_SUMS, {"creators": list(creators), "zone": zone}):
        found[row.user_id].append(_sum(row))
    return found


_OPEN_SUMS = text("""
    SELECT user_id, month, kind, leg.account, coalesce(leg.asset, e.asset) AS asset,
           count(*) FILTER (WHERE leg.place = 1 OR coalesce(leg.asset, e.asset) <> 'diamonds')
               AS entries,
           sum(leg.amount)::bigint AS amount,
           coalesce(sum(leg.amount) FILTER (WHERE leg.amount > 0), 0)::bigint AS came,
           max(number) AS last_entry
    FROM (
        SELECT found.*, greatest(
                   c.closed_until, max(date_trunc('month', recorded_at AT TIME ZONE :zone)::date)
                       OVER (PARTITION BY user_id ORDER BY number)
               ) AS month
        FROM creators AS c, LATERAL (
            SELECT * FROM entries
            WHERE entries.user_id = c.creator AND number > c.closed_entry AND kind IS NOT NULL
            OFFSET 0
        ) AS found
        WHERE c.creator = ANY(CAST(:creators AS text[]))
    ) AS e, unnest(string_to_array(accounts, ','), amounts, assets) WITH ORDINALITY
        AS leg (account, amount, asset, place)
    GROUP BY user_id, month, kind, leg.account, coalesce(leg.asset, e.asset)
    ORDER BY user_id, month
""")


async def newest_months(tx: Transaction, creators: Sequence[str]) -> dict[str, Month]:
    """Return each creator's newest closed month."""
    rows = await tx.execute(_NEWEST, {"creators": list(creators)})
    return {row.creator: _month(row) for row in rows}


_NEWEST = text(f"""
    SELECT statements.* FROM unnest(CAST(:creators AS text[])) AS asked (of_creator), LATERAL (
        SELECT {_month.columns} FROM statements WHERE creator = of_creator
        ORDER BY month DESC LIMIT 1
    ) AS statements
""")  # noqa: S608 - our own text only


async def last_numbers(tx: Transaction, creators: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the last number of each year of these creators."""
    rows = await tx.execute(_LAST_NUMBERS, {"creators": list(creators)})
    return {(row.creator, row.year): row.number for row in rows}


_LAST_NUMBERS = text("""
    SELECT creator, year, max(number) AS number FROM statements
    WHERE creator = ANY(CAST(:creators AS text[])) AND number IS NOT NULL GROUP BY creator, year
""")


async def add_months(tx: Transaction, months: Sequence[tuple[Month, Sequence[Change]]]) -> None:
    """Write closed months with their lines."""
    if not months:
        return
    listed = [month for month, _ in months]
    values = arrays(listed, *Month.__slots__)
    await tx.execute(_ADD_MONTHS, {**values, "year": [each.month.year for each in listed]})
    lines = [(month, change) for month, changes in months for change in changes]
    if lines:
        values = arrays([change for _, change in lines], "asset", "line", "amount", "entries")
        values["creator"] = [month.creator for month, _ in lines]
        values["month"] = [month.month for month, _ in lines]
        await tx.execute(_ADD_LINES, values)


# Of two who close a month at once, both say the same: it is a function of the entries.
_ADD_MONTHS = insert_rows(tables.Statement, *Month.__slots__, "year", then="ON CONFLICT DO NOTHING")
_ADD_LINES = insert_rows(
    tables.StatementLine,
    *("creator", "month", "asset", "line", "amount", "entries"),
    then="ON CONFLICT DO NOTHING",
)


async def save_closed(tx: Transaction, closed: Sequence[Closed]) -> None:
    await tx.execute(_SAVE_CLOSED, arrays(closed, *Closed.__slots__))


_SAVE_CLOSED = update_rows(tables.Creator, ("creator",), ("closed_until", "closed_entry"))


async def list_months(tx: Transaction, creator: str, limit: int) -> list[MonthLine]:
    """Return a creator's closed months, the newest first."""
    rows = await tx.execute(_LIST, {"creator": creator, "limit": limit})
    return [_month_line(row) for row in rows]


_LIST = text("""
    SELECT month, number, closed_at FROM statements WHERE creator = :creator
    ORDER BY month DESC LIMIT :limit
""")


async def list_lines(tx: Transaction, creator: str) -> dict[date, list[Change]]:
    """Return the lines of a creator's closed months, by month."""
    found: dict[date, list[Change]] = {}
    for row in await tx.execute(_LINES, {"creator": creator}):
        change = Change(Line(row.line), row.asset, row.amount, row.entries)
        found.setdefault(row.month, []).append(change)
    return found


_LINES = text("""
    SELECT month, line, asset, amount, entries FROM statement_lines WHERE creator = :creator
""")


async def months_between(tx: Transaction, creator: str, start: date, end: date) -> list[MonthLine]:
    """Return the closed months of a period, in their order."""
    values = {"creator": creator, "start": start, "end": end}
    return [_month_line(row) for row in await tx.execute(_BETWEEN, values)]


_BETWEEN = text("""
    SELECT month, number, closed_at FROM statements
    WHERE creator = :creator AND month >= CAST(:start AS date) AND month < CAST(:end AS date)
    ORDER BY month
""")


async def period_changes(
    tx: Transaction, creator: str, start: date, end: date
) -> list[PeriodChange]:
    """Return what changed in closed months before `start`, and from there to `end`."""
    values = {"creator": creator, "start": start, "end": end}
    return [_period_change(row) for row in await tx.execute(_PERIOD, values)]


_PERIOD = text("""
    SELECT month < CAST(:start AS date) AS is_before, asset, line, sum(amount)::bigint AS amount,
           sum(entries)::bigint AS entries
    FROM statement_lines WHERE creator = :creator AND month < CAST(:end AS date)
    GROUP BY 1, 2, 3
""")


def by_creator(closed: Mapping[str, Closed], creator: str) -> Closed:
    """Return how far a creator is closed; one who is not known has no statement."""
    return closed.get(creator, Closed(creator, date.min, 0))
