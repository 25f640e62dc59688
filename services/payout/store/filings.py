"""Years of creators, out of their closed months."""

from collections.abc import AsyncIterator
from datetime import date

from services.payout.domain.filings import YearTotals
from services.payout.store.finance import COUNTRY
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_totals = RowMapper(YearTotals)
_EARNED = "line IN ('gifts', 'bonuses', 'clawbacks', 'restorations', 'recoveries', 'adjustments')"


async def year_totals(
    tx: Transaction, year: int, *, country: str | None
) -> AsyncIterator[YearTotals]:
    """Yield the totals of each creator and currency, by creator."""
    values = {"start": date(year, 1, 1), "end": date(year + 1, 1, 1), "country": country}
    async for row in tx.stream(_TOTALS, values):
        yield _totals(row)


async def open_creators(tx: Transaction, year: int) -> int:
    """Return of how many creators the year is not closed yet."""
    return int((await tx.execute(_OPEN, {"end": date(year + 1, 1, 1)})).scalar_one())


_OPEN = text("SELECT count(*) FROM creators WHERE closed_until < CAST(:end AS date)")


def _sum(column: str, condition: str) -> str:
    return f"coalesce(sum({column}) FILTER (WHERE {condition}), 0)::bigint"


def _quarter(number: int, name: str) -> str:
    of_quarter = f"quarter = {number}"
    earned = _sum("amount", f"{_EARNED} AND {of_quarter}")
    gifts = _sum("entries", f"line = 'gifts' AND {of_quarter}")
    return f"{earned} AS {name}_minor, {gifts} AS {name}_gifts"


_QUARTERS = ", ".join(
    _quarter(number, name) for number, name in enumerate(("first", "second", "third", "fourth"), 1)
)
_TOTALS = text(f"""
    SELECT years.*, home.country
    FROM (
        SELECT creator, asset AS currency,
               {_sum("amount", "line IN ('gifts', 'bonuses')")} AS gross_minor,
               {_sum("amount", "line IN ('clawbacks', 'restorations', 'recoveries')")}
                   AS taken_back_minor,
               {_sum("amount", "line = 'adjustments'")} AS adjusted_minor,
               {_sum("-amount", "line = 'fees'")} AS fees_minor,
               {_sum("-amount", "line = 'withheld'")} AS withheld_minor,
               {_sum("-amount", "line = 'payouts'")} AS paid_minor,
               {_sum("entries", "line = 'gifts'")} AS gifts,
               {_sum("entries", "line = 'payouts'")} AS payouts,
               {_QUARTERS}
        FROM (
            SELECT *, extract(quarter FROM month) AS quarter FROM statement_lines
            WHERE month >= CAST(:start AS date) AND month < CAST(:end AS date)
              AND asset <> 'diamonds'
        ) AS lines
        GROUP BY creator, asset
    ) AS years, {COUNTRY.format(creator="years.creator")}
    WHERE CAST(:country AS text) IS NULL OR home.country = CAST(:country AS text)
    ORDER BY creator, currency
""")  # noqa: S608 - our own text only
