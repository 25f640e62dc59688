"""The receipts of a seller's year with their tax, and the evidence of each buyer's country."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from services.purchase.domain.country_evidence import Evidence
from services.purchase.domain.receipts import ReceiptKind
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_evidence = TypeAdapter(frozenset[Evidence])


@dataclass(frozen=True, slots=True)
class TaxLine:
    """
    A receipt or a credit note, as an accountant files it; a credit note is below zero.

    `evidence` is JSON, as it is stored.
    """

    series: int | None
    number: int
    prefix: str
    kind: ReceiptKind
    issued_at: datetime
    purchase: UUID
    currency: str
    amount_minor: int
    tax_minor: int
    tax_country: str | None
    tax_kind: str | None
    tax_rate_bp: int | None
    evidence: str

    def all_evidence(self) -> frozenset[Evidence]:
        return _evidence.validate_json(self.evidence)


_line = RowMapper(TaxLine)
_LINES = text("""
    SELECT receipts.series, receipts.number, receipts.seller_details ->> 'prefix' AS prefix,
           receipts.kind, receipts.issued_at, receipts.purchase, purchases.currency,
           receipts.amount_minor, receipts.tax_minor, purchases.tax_country, purchases.tax_kind,
           purchases.tax_rate_bp,
           CAST((SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM country_evidence AS t
                 WHERE t.viewer = receipts.viewer AND t.purchase = receipts.purchase) AS text)
               AS evidence
    FROM receipts
    JOIN purchases ON purchases.viewer = receipts.viewer AND purchases.id = receipts.purchase
    WHERE receipts.seller = :seller AND receipts.year = :year AND receipts.number > :after
    ORDER BY receipts.number LIMIT :limit
""")


async def lines_of(
    tx: Transaction, *, seller: str, year: int, after: int, limit: int
) -> list[TaxLine]:
    """Return the receipts of a seller's year after a number, in the order of their numbers."""
    asked = {"seller": seller, "year": year, "after": after, "limit": limit}
    return [_line(row) for row in await tx.execute(_LINES, asked)]
