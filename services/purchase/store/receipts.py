"""Receipts, and the last number of each seller's year."""

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from pydantic import TypeAdapter

from services.purchase import columns as tables
from services.purchase.domain.receipts import Receipt, ReceiptKind
from shared.documents.seller import Seller
from shared.postgres.database import Transaction
from shared.postgres.rows import arrays, insert_rows, unnest
from shared.postgres.statements import text

_seller = TypeAdapter(Seller)
_OWN = ("viewer", "purchase", "kind", "refund", "year", "issued_at", "coins")
_COLUMNS = (*_OWN, "amount_minor", "tax_minor")
# Locked until the transaction ends: a number that is not recorded in the end is given out again.
_COUNT = insert_rows(
    tables.ReceiptNumber,
    *("seller", "year", "last"),
    then="""
        ON CONFLICT (seller, year) DO UPDATE SET last = receipt_numbers.last + excluded.last
        RETURNING seller, year, last
    """,
)
_ADD = insert_rows(tables.Receipt, *_COLUMNS, "seller", "series", "number", "seller_details")


async def add(tx: Transaction, receipts: Sequence[Receipt]) -> None:
    """
    Number and record receipts, in their order; the purchases are locked.

    This is the last thing that a transaction locks, and in sorted order: all sales of a
    part wait for it.
    """
    wanted = Counter((each.seller.id, each.year) for each in receipts)
    keys = sorted(wanted)
    counted = await tx.execute(
        _COUNT,
        {
            "seller": [seller for seller, _ in keys],
            "year": [year for _, year in keys],
            "last": [wanted[key] for key in keys],
        },
    )
    following = {(row.seller, row.year): row.last - wanted[row.seller, row.year] for row in counted}
    numbers = []
    for each in receipts:
        following[each.seller.id, each.year] += 1
        numbers.append(following[each.seller.id, each.year])
    about = {
        "seller": [each.seller.id for each in receipts],
        "series": [tx.part] * len(receipts),
        "number": numbers,
        "seller_details": [_seller.dump_json(each.seller).decode() for each in receipts],
    }
    await tx.execute(_ADD, {**arrays(receipts, *_COLUMNS), **about})


_WITH_RECEIPT = text(f"""
    SELECT viewer, purchase FROM receipts
    WHERE kind = 'receipt' AND (viewer, purchase) IN (
        SELECT * FROM {unnest(tables.Receipt, "viewer", "purchase")}
    )
""")  # noqa: S608 - our own text only


async def with_receipt(
    tx: Transaction, keys: Collection[tuple[str, UUID]]
) -> set[tuple[str, UUID]]:
    """Return which of these purchases have a receipt."""
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    rows = await tx.execute(_WITH_RECEIPT, {"viewer": viewers, "purchase": purchases})
    return {(row.viewer, row.purchase) for row in rows}


_OF_PURCHASE = text(f"""
    SELECT {", ".join(_COLUMNS)}, series, number, seller_details FROM receipts
    WHERE viewer = :viewer AND purchase = :purchase ORDER BY year, number
""")  # noqa: S608 - our own text only


async def of_purchase(tx: Transaction, viewer: str, purchase: UUID) -> list[Receipt]:
    """Return the documents of a purchase, in the order in which they were issued."""
    rows = await tx.execute(_OF_PURCHASE, {"viewer": viewer, "purchase": purchase})
    found = []
    for row in rows:
        values = dict(row)
        seller = _seller.validate_python(values.pop("seller_details"))
        values["kind"] = ReceiptKind(values["kind"])
        found.append(Receipt(**values, seller=seller))
    return found
