"""
Where the money of sales is, as the operator's books have it.

Assets are positive, liabilities and income negative. Every function returns an entry's legs by
account; they sum to zero.
"""

from services.purchase.domain.purchases import Allocation, Payment

# The account that locks and numbers one viewer's decisions; it never holds anything.
ASSET = "money"
CLEARING = "@provider_clearing"
FEES = "@provider_fees"
SALES = "@coin_sales"
UNAPPLIED = "@unapplied_payments"
REFUNDS = "@refunds"
DISPUTE_LOSS = "@dispute_loss"


def received(payment: Payment, allocation: Allocation) -> dict[str, int]:
    """Money came: for coins, or for nothing that was sold."""
    owed_for = SALES if allocation is Allocation.APPLIED else UNAPPLIED
    return {
        CLEARING: payment.amount_minor - payment.fee_minor,
        FEES: payment.fee_minor,
        owed_for: -payment.amount_minor,
    }


def refunded(amount_minor: int) -> dict[str, int]:
    """Money went back to who had paid."""
    return {CLEARING: -amount_minor, REFUNDS: amount_minor}


def refund_failed(amount_minor: int) -> dict[str, int]:
    """Money that had gone back came back to us."""
    return {CLEARING: amount_minor, REFUNDS: -amount_minor}


def fee_changed(before_minor: int, now_minor: int) -> dict[str, int]:
    """The provider keeps another fee than it did."""
    change = now_minor - before_minor
    return {CLEARING: -change, FEES: change}


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
