"""Accountants read the tax of all receipts, and how sure the country of each buyer is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.purchase.commands.tax_report import YearPage, read_tax_lines
from services.purchase.domain.country_evidence import Verdict, judge
from services.purchase.domain.receipts import ReceiptKind, receipt_name
from services.purchase.store import tax_report
from shared.backoffice.trial_balance import FinanceReader
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.csv import SHEET, Format, csv_of
from shared.identity.tokens import Unauthenticated

LINES_MAX = 1_000
SellerId = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Year = Annotated[int, Query(ge=2000, le=9999)]
After = Annotated[int, Query(ge=0, le=2**53 - 1)]
# As many as an installation can have parts.
Series = Annotated[int, Query(ge=0, le=63)]
LineCount = Annotated[int, Query(ge=1, le=LINES_MAX)]

router = APIRouter(tags=["finance"])


class TaxLine(BaseModel):
    """
    A receipt or a credit note; amounts are in minor units, those of a credit note below zero.

    The tax is that of `tax_country`. `verdict` says how sure that country is, by the `evidence`:
    `host=DE instrument=DE`.
    """

    series: int | None
    number: int
    name: str
    kind: ReceiptKind
    issued_at: datetime
    purchase: UUID
    currency: str
    amount_minor: int
    tax_minor: int
    net_minor: int
    tax_country: str | None
    tax_kind: str | None
    tax_rate_bp: int | None
    verdict: Verdict
    evidence: str


class TaxReport(BaseModel):
    """
    Some of a year's lines; `next_after` asks for what follows, and is null at the end.

    Where there are several series, `next_series` is asked for with it.
    """

    items: list[TaxLine]
    next_after: int | None
    next_series: int | None


@router.get(
    "/operator/purchase/receipts",
    response_model=TaxReport,
    responses=SHEET | refusals(Unauthenticated, ScopeMissing),
)
async def read_tax_report(
    _: FinanceReader,
    db: AllParts,
    seller: SellerId,
    year: Year,
    after: After = 0,
    series: Series = 0,
    limit: LineCount = LINES_MAX,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> TaxReport | Response:
    """
    Read the tax on the receipts of a seller's year, from the one after number `after` on.

    Receipts are in the order of their numbers; where there are several series, one series after
    another, from `series` on. A sheet has no more lines than `limit` either: ask again after its
    last number.
    """
    page = YearPage(seller, year, after=after, series=series, limit=limit)
    items = [_shown(line, year=year) for line in await read_tax_lines(db, page)]
    if format == "csv":
        return csv_of(items, TaxLine)
    last = items[-1] if len(items) == limit else None
    return TaxReport(
        items=items,
        next_after=last.number if last else None,
        next_series=last.series if last else None,
    )


def _shown(line: tax_report.TaxLine, *, year: int) -> TaxLine:
    evidence = line.all_evidence()
    return TaxLine(
        series=line.series,
        number=line.number,
        name=receipt_name(line.prefix, year, line.series, line.number),
        kind=line.kind,
        issued_at=line.issued_at,
        purchase=line.purchase,
        currency=line.currency,
        amount_minor=line.amount_minor,
        tax_minor=line.tax_minor,
        net_minor=line.amount_minor - line.tax_minor,
        tax_country=line.tax_country,
        tax_kind=line.tax_kind,
        tax_rate_bp=line.tax_rate_bp,
        verdict=judge(evidence),
        evidence=" ".join(f"{each.kind}={each.country}" for each in sorted(evidence)),
    )
