"""
Receipts for what was sold, and credit notes for what was given back.

Each says for ever what it said when it was issued. The numbers of a seller's year have no gaps.
With several parts each part has a series of its own: a number is "based on one or more series"
(Article 226(2) of Directive 2006/112/EC), and no sale waits for those of another part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.purchase.domain.purchases import Purchase
from services.purchase.domain.refunds import Refund, RefundState
from shared.documents.seller import Seller
from shared.errors import Kind, Refusal


class NoReceipt(Refusal):
    """There is no receipt: nothing is paid yet, or the app's store has sent one."""

    kind = Kind.NOT_FOUND


class ReceiptKind(StrEnum):
    """What a document is; an enum's order is that in which they are issued."""

    RECEIPT = "receipt"
    CREDIT_NOTE = "credit-note"
    CANCELLATION = "cancellation"  # of a credit note whose refund failed


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    One document, with the seller as it was then.

    Amounts are as the books have them: those of a credit note are below zero. `number` is 0 until
    it is recorded, and then `series` says which part numbered it, if there are several.
    """

    viewer: str
    purchase: UUID
    kind: ReceiptKind
    refund: UUID | None
    seller: Seller
    year: int
    issued_at: datetime
    coins: int
    amount_minor: int
    tax_minor: int
    series: int | None = None
    number: int = 0

    @property
    def name(self) -> str:
        """The number as it is written: EX-2026-000001, or EX-2026-07-000001 of a series."""
        return receipt_name(self.seller.prefix, self.year, self.series, self.number)

    @property
    def net_minor(self) -> int:
        return self.amount_minor - self.tax_minor


def receipt_name(prefix: str, year: int, series: int | None, number: int) -> str:
    of_series = "" if series is None else f"{series:02}-"
    return f"{prefix}{year}-{of_series}{number:06d}"


def receipts_due(
    purchase: Purchase,
    *,
    is_sold: bool,
    refunds: Sequence[tuple[Refund, Refund]],
    seller: Seller,
    now: datetime,
) -> Iterator[Receipt]:
    """Yield what to issue for a sale, and for refunds that were made or have failed."""
    if is_sold:
        yield _document(purchase, None, ReceiptKind.RECEIPT, seller, now, purchase.all_coins)
    for before, after in refunds:
        was_made, is_made = (each.state is RefundState.REFUNDED for each in (before, after))
        if is_made and not was_made:
            yield _document(purchase, after, ReceiptKind.CREDIT_NOTE, seller, now, -after.coins)
        elif was_made and not is_made:
            yield _document(purchase, after, ReceiptKind.CANCELLATION, seller, now, after.coins)


def _document(
    purchase: Purchase,
    refund: Refund | None,
    kind: ReceiptKind,
    seller: Seller,
    now: datetime,
    coins: int,
) -> Receipt:
    of = refund or purchase
    sign = 1 if coins > 0 else -1
    return Receipt(
        viewer=purchase.viewer,
        purchase=purchase.id,
        kind=kind,
        refund=refund.id if refund else None,
        seller=seller,
        year=seller.year_at(now),
        issued_at=now,
        coins=coins,
        amount_minor=sign * of.amount_minor,
        tax_minor=sign * of.tax_minor,
    )
