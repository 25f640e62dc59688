"""Receipts: issued in the transaction in which a sale is paid, or a refund is made or fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.purchase.commands.queries import read_purchase
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.receipts import NoReceipt, Receipt, ReceiptKind
from services.purchase.store import receipts
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Receipts:
    """A purchase, and all that was issued for it."""

    purchase: Purchase
    documents: Sequence[Receipt]


async def issue_receipts(tx: Transaction, due: Sequence[Receipt]) -> None:
    """
    Issue receipts, and credit notes to those that were issued.

    A purchase that was paid before there was a seller has none, so there is nothing to credit.
    """
    if not due:
        return
    sold = {(each.viewer, each.purchase) for each in due if each.kind is ReceiptKind.RECEIPT}
    older = {(each.viewer, each.purchase) for each in due} - sold
    if older:
        sold |= await receipts.with_receipt(tx, older)
    issued = [each for each in due if (each.viewer, each.purchase) in sold]
    if issued:
        await receipts.add(tx, issued)


async def read_receipts(tx: Transaction, viewer: str, purchase: UUID) -> Receipts:
    """Read what was issued for a viewer's own purchase."""
    found = await read_purchase(tx, viewer, purchase)
    documents = await receipts.of_purchase(tx, viewer, purchase)
    if not documents:
        raise NoReceipt(purchase=purchase)
    return Receipts(found, documents)
