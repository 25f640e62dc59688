"""Accountants read the tax of all receipts, and how sure the country of each buyer is."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.purchase.commands.tax_report import YearPage, read_tax_lines
from services.purchase.domain.country_evidence import Verdict, judge
from services.purchase.domain.receipts import ReceiptKind, receipt_name
from services.purchase.store import tax_report
from shared.backoffice.trial_balance import FinanceReader
from shared.contracts.base import like
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.csv import SHEET, Format, csv_of
from shared.http.fields import (
    BasisPoints,
    CountryCode,
    CurrencyCode,
    Instant,
    MinorUnits,
    PurchaseId,
)
from shared.identity.tokens import Unauthenticated

LINES_MAX = 1_000
SellerId = Annotated[
    str,
    Query(
        max_length=64,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="The seller, by the `id` of its seller.toml.",
        examples=["example"],
    ),
]
Year = Annotated[
    int,
    Query(
        ge=2000,
        le=9999,
        description="The year in which the documents were issued, in the seller's time zone.",
        examples=[2026],
    ),
]
After = Annotated[
    int,
    Query(
        ge=0,
        le=2**53 - 1,
        description="The number after which the lines begin; 0 for the first.",
        examples=[0],
    ),
]
# As many as an installation can have parts.
Series = Annotated[
    int,
    Query(
        ge=0,
        le=63,
        description="The series in which the lines begin; 0 if there is one only.",
        examples=[0],
    ),
]
LineCount = Annotated[
    int,
    Query(ge=1, le=LINES_MAX, description="How many lines come at most.", examples=[1_000]),
]

router = APIRouter(tags=["finance"])


class TaxLine(Body):
    """
    A receipt or a credit note; amounts are in minor units, those of a credit note below zero.

    The tax is that of `tax_country`. `verdict` says how sure that country is, by the `evidence`:
    `host=DE instrument=DE`.
    """

    series: Annotated[int | None, like(None, 7)]
    """Which series numbered the document; null if the installation has one series only."""
    number: Annotated[int, like(1)]
    """Its number in the seller's year and series; there are no gaps."""
    name: Annotated[str, like("EX-2026-000001")]
    """The number as it stands on the document."""
    kind: Annotated[ReceiptKind, like("receipt")]
    """
    A `receipt`, a `credit-note` for a refund, or the `cancellation` of a credit note whose refund
    failed.
    """
    issued_at: Instant
    """When it was issued."""
    purchase: PurchaseId
    """The purchase that it is about."""
    currency: CurrencyCode
    amount_minor: Annotated[MinorUnits, like(499)]
    """Its total, tax included; below zero for a credit note."""
    tax_minor: Annotated[MinorUnits, like(80)]
    """How much of the total is tax; below zero for a credit note."""
    net_minor: Annotated[MinorUnits, like(419)]
    """The total without tax; below zero for a credit note."""
    tax_country: Annotated[CountryCode, like("DE")] | None
    """The country (ISO 3166-1 alpha-2) that the tax is of; null if there is none."""
    tax_kind: Annotated[str, like("VAT")] | None
    """What the country calls the tax; null if there is none."""
    tax_rate_bp: Annotated[BasisPoints, like(1_900)] | None
    """The rate of the tax: 1,900 is 19 %. Null if there is none."""
    verdict: Annotated[Verdict, like("agree")]
    """
    What the evidence of the country is worth: two items name it (`agree`), only one does
    (`one-only`), they name different ones (`contradict`), or the host names none (`no-country`).
    """
    evidence: Annotated[str, like("host=DE instrument=DE")]
    """
    The items of evidence, each as `kind=country`, separated by spaces; empty without any.
    """


class TaxReport(Body):
    """
    Some of a year's lines; `next_after` asks for what follows, and is null at the end.

    Where there are several series, `next_series` is asked for with it.
    """

    items: list[TaxLine]
    """Receipts and credit notes in the order of their numbers, one series after another."""
    next_after: Annotated[int | None, like(None, 1_000)]
    """Send it as `after` to get the lines that follow; null at the end."""
    next_series: Annotated[int | None, like(None, 7)]
    """Send it as `series` with that; null at the end, and where there is one series only."""


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
