"""
Where the money of sales is, as the operator's books have it.

Assets are positive, liabilities and income negative. Every function returns a movement's legs by
account; they sum to zero.
"""

from services.purchase.domain.purchases import Payment, Standing

# The account that locks and numbers one viewer's decisions; it never holds anything.
UNIT = "money"
CLEARING = "@provider_clearing"
FEES = "@provider_fees"
SALES = "@coin_sales"
UNAPPLIED = "@unapplied_payments"
REFUNDS = "@refunds"
DISPUTE_LOSS = "@dispute_loss"


def received(payment: Payment, standing: Standing) -> dict[str, int]:
    """Money came: for coins, or for nothing that was sold."""
    owed_for = SALES if standing is Standing.CREDITED else UNAPPLIED
    return {
        CLEARING: payment.amount_minor - payment.fee_minor,
        FEES: payment.fee_minor,
        owed_for: -payment.amount_minor,
    }


def refunded(amount_minor: int) -> dict[str, int]:
    """Money went back to who had paid."""
    return {CLEARING: -amount_minor, REFUNDS: amount_minor}


def disputed(before_minor: int, now_minor: int) -> dict[str, int]:
    """A bank took money, or gave it back: only the difference moves."""
    change = now_minor - before_minor
    return {CLEARING: -change, DISPUTE_LOSS: change}
