"""The tax of all receipts of a year, a page at a time: one series of numbers after another."""

from dataclasses import dataclass

from services.purchase.store import tax_report
from services.purchase.store.tax_report import TaxLine
from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class YearPage:
    """Which receipts of a seller's year: those that follow number `after` of `series`."""

    seller: str
    year: int
    after: int
    series: int
    limit: int


async def read_tax_lines(database: Database, page: YearPage) -> list[TaxLine]:
    """Return at most a page of receipts, in the order of their series and numbers."""
    found: list[TaxLine] = []
    after = page.after
    for part in database.parts[page.series :]:
        async with part.transaction() as tx:
            found += await tax_report.lines_of(
                tx,
                seller=page.seller,
                year=page.year,
                after=after,
                limit=page.limit - len(found),
            )
        if len(found) == page.limit:
            break
        after = 0
    return found
