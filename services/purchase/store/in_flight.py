"""Purchases, refunds and disputes that wait: for a payer, a provider, a bank or the wallet."""

from shared.backoffice.in_flight import InFlight

MINUTES, HOURS, DAYS = 60, 3_600, 86_400

IN_FLIGHT = (
    InFlight(
        "purchase",
        """
            SELECT state, coalesce(paid_at, expires_at) AS since FROM purchases
            WHERE state IN ('created', 'pending', 'paid')
        """,
        # A payer has until it expires, and then a job cancels it; the wallet is quick.
        {"created": 10 * MINUTES, "pending": 10 * MINUTES, "paid": 10 * MINUTES},
    ),
    InFlight(
        "refund",
        """
            SELECT state, coalesce(decided_at, requested_at) AS since FROM refunds
            WHERE state IN ('requested', 'frozen') OR (state = 'refunded' AND voided_at IS NULL)
        """,
        # The wallet holds and voids coins at once; a provider may take its time.
        {"requested": 10 * MINUTES, "frozen": 24 * HOURS, "refunded": 10 * MINUTES},
    ),
    InFlight(
        "dispute",
        "SELECT state, recorded_at AS since FROM disputes WHERE state = 'open'",
        {"open": 120 * DAYS},
    ),
)
