"""What every fact about a payout says."""

from typing import Any

from services.payout.domain.payouts import Payout


def about(payout: Payout) -> dict[str, Any]:
    """Return the fields that all events about a payout have in common."""
    return {
        "payout": payout.id,
        "creator": payout.creator,
        "diamonds": payout.diamonds,
        "amount_minor": payout.amount_minor,
        "fee_minor": payout.fee_minor,
        "currency": payout.currency,
    }
