"""What was said of the countries that buyers are in."""

from collections.abc import Sequence

from services.purchase import columns as tables
from services.purchase.domain.country_evidence import Evidence, EvidenceKind
from services.purchase.domain.purchases import Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows
from shared.postgres.statements import text

_COLUMNS = ("viewer", "purchase", "kind", "country")
_ADD = insert_rows(tables.CountryEvidence, *_COLUMNS)


async def add(tx: Transaction, new: Sequence[tuple[Purchase, Evidence]]) -> None:
    """Record what was not said before of locked purchases."""
    if new:
        rows = [(it.viewer, it.id, each.kind.value, each.country) for it, each in new]
        columns = map(list, zip(*rows, strict=True))
        await tx.execute(_ADD, dict(zip(_COLUMNS, columns, strict=True)))


_OF_PURCHASE = text("""
    SELECT kind, country FROM country_evidence
    WHERE viewer = :viewer AND purchase = :purchase ORDER BY kind, country
""")


async def of_purchase(tx: Transaction, purchase: Purchase) -> list[Evidence]:
    rows = await tx.execute(_OF_PURCHASE, {"viewer": purchase.viewer, "purchase": purchase.id})
    return [Evidence(EvidenceKind(row.kind), row.country) for row in rows]
