"""
Where the money of sales is, as the operator's books have it.

Assets are positive, liabilities and income negative. Every function returns an entry's legs by
account; they sum to zero.
"""

from services.purchase.domain.purchases import Allocation, Payment, Purchase, Settlement
from services.purchase.domain.taxes import TaxPayer

# The account that locks and numbers one viewer's decisions; it never holds anything.
ASSET = "money"
CLEARING = "@provider_clearing"
FEES = "@provider_fees"
SALES = "@coin_sales"
UNAPPLIED = "@unapplied_payments"
REFUNDS = "@refunds"
DISPUTE_LOSS = "@dispute_loss"
EXCHANGE = "@exchange"
# Tax that the operator owes to countries, and tax that stores pay out of what they took.
TAXES = "@taxes_payable"
STORE_TAXES = "@store_taxes"


def received(purchase: Purchase, payment: Payment, allocation: Allocation) -> dict[str, int]:
    """Money came: for coins and the tax on them, or for nothing that was sold."""
    came = {CLEARING: payment.amount_minor - payment.fee_minor, FEES: payment.fee_minor}
    if allocation is not Allocation.APPLIED:
        return {**came, UNAPPLIED: -payment.amount_minor}
    tax_minor = purchase.tax_minor
    return {**came, SALES: tax_minor - payment.amount_minor, _taxes(purchase): -tax_minor}


def refunded(purchase: Purchase, amount_minor: int, tax_minor: int) -> dict[str, int]:
    """Money went back to the buyer, and the tax in it is not owed."""
    return {
        CLEARING: -amount_minor,
        REFUNDS: amount_minor - tax_minor,
        _taxes(purchase): tax_minor,
    }


def refund_failed(purchase: Purchase, amount_minor: int, tax_minor: int) -> dict[str, int]:
    """Money that had gone back came back to us."""
    return refunded(purchase, -amount_minor, -tax_minor)


def tax_lost(purchase: Purchase, *, before_minor: int, now_minor: int) -> dict[str, int]:
    """Of money that went back without us, the tax is not lost: it is not owed any more."""
    change = now_minor - before_minor
    return {_taxes(purchase): change, DISPUTE_LOSS: -change}


def fee_changed(before_minor: int, now_minor: int) -> dict[str, int]:
    """The provider keeps another fee than it did."""
    change = now_minor - before_minor
    return {CLEARING: -change, FEES: change}


def exchanged(before_minor: int, now_minor: int) -> dict[str, int]:
    """The provider holds money of a payment in the currency it pays out, and not in its own."""
    change = now_minor - before_minor
    return {CLEARING: -change, EXCHANGE: change}


def settlement_changed(before: Settlement, now: Settlement) -> dict[str, int]:
    """The provider's balance of a payment, in the currency it pays out, is another than before."""
    balance = now.balance_minor - before.balance_minor
    fee = now.fee_minor - before.fee_minor
    return {CLEARING: balance, FEES: fee, EXCHANGE: -balance - fee}


def given_back(
    allocation: Allocation, amount_minor: int, *, before_minor: int, now_minor: int
) -> dict[str, int]:
    """
    A bank took money, or it was given back without us: only the difference moves.

    Money that bought nothing was owed to its payer anyway, up to what it was; what goes
    beyond that, and all that goes of money that bought coins, is lost.
    """
    change = now_minor - before_minor
    unapplied = 0
    if allocation is not Allocation.APPLIED:
        unapplied = min(amount_minor, now_minor) - min(amount_minor, before_minor)
    return {CLEARING: -change, UNAPPLIED: unapplied, DISPUTE_LOSS: change - unapplied}


def _taxes(purchase: Purchase) -> str:
    return STORE_TAXES if purchase.tax_payer is TaxPayer.STORE else TAXES
