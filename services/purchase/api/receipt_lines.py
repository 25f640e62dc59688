"""What stands on a receipt, for every form it is written in."""

from collections.abc import Iterator

from services.purchase.commands.receipts import Receipts
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.receipts import Receipt, ReceiptKind
from shared.documents.sheets import Sheet
from shared.money import amount_text

TITLES = {
    ReceiptKind.RECEIPT: "Receipt",
    ReceiptKind.CREDIT_NOTE: "Credit note",
    ReceiptKind.CANCELLATION: "Cancellation of a credit note",
}


def sheets_of(receipts: Receipts) -> Iterator[Sheet]:
    """Yield each document of a purchase; credit notes name the receipt that they are for."""
    original = next(each for each in receipts.documents if each.kind is ReceiptKind.RECEIPT)
    for each in receipts.documents:
        yield Sheet(
            title=f"{TITLES[each.kind]} {each.name}",
            seller=each.seller.lines,
            about=tuple(_about(receipts.purchase, each, original)),
            tables=(tuple(_amounts(receipts.purchase, each)),),
            notes=each.seller.notes if each is original else (),
        )


def _about(purchase: Purchase, receipt: Receipt, original: Receipt) -> Iterator[tuple[str, str]]:
    day_of = receipt.seller.day_of
    yield "Date", day_of(receipt.issued_at)
    if receipt is not original:
        yield "For receipt", original.name
    if purchase.paid_at is not None:
        yield "Date of supply", day_of(purchase.paid_at)
    yield "Customer", purchase.viewer
    yield "Goods", _goods(purchase, receipt)
    yield "Purchase", str(purchase.id)
    yield "Paid with", f"{purchase.provider}, payment {purchase.payment}"
    if receipt.refund is not None:
        yield "Refund", str(receipt.refund)


def _goods(purchase: Purchase, receipt: Receipt) -> str:
    package = f"package {purchase.package}"
    if receipt.kind is ReceiptKind.RECEIPT:
        bonus_coins, promo_coins = purchase.all_bonus_coins, purchase.promo_coins
        bonus = f" and {bonus_coins} bonus coins" if bonus_coins else ""
        promo = f" and {promo_coins} promo coins" if promo_coins else ""
        return f"{purchase.coins} coins{bonus}{promo}, {package}"
    return f"{abs(receipt.coins)} unused coins, {package}"


def _amounts(purchase: Purchase, receipt: Receipt) -> Iterator[tuple[str, str]]:
    currency = purchase.currency
    if purchase.tax_rate_bp is not None:
        yield "Net amount", amount_text(receipt.net_minor, currency)
        rate = f"{purchase.tax_rate_bp / 100:g}%"
        label = f"{purchase.tax_kind} {rate}, {purchase.tax_country}"
        yield label, amount_text(receipt.tax_minor, currency)
    else:
        yield "Tax", "none"
    yield "Total", amount_text(receipt.amount_minor, currency)
