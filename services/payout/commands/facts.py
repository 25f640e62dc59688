"""What every fact about a payout says."""

from typing import Any

from services.payout.domain.payouts import Payout
from services.payout.domain.reviews import Review
from shared.contracts.payout import PayoutHeld


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


def held(payout: Payout, review: Review) -> PayoutHeld:
    """Return the fact that a payout went under review."""
    return PayoutHeld(
        **about(payout),
        reason=review.reasons[0],
        revision=payout.version,
        reasons=review.reasons,
        decide_by=review.decide_by,
    )
