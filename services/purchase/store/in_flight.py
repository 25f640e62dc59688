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
        "withdrawal",
        # The provider does not give the money back that a withdrawn purchase is owed, and nothing
        # was tried since. After a month it was settled in another way, or never will be.
        """
            SELECT 'owed' AS state, declined.decided_at AS since FROM refunds AS declined
            JOIN purchases AS p ON p.viewer = declined.viewer AND p.id = declined.purchase
            WHERE declined.state = 'declined'
              AND declined.reason NOT IN ('nothing-unused', 'disputed')
              AND declined.decided_at > now() - interval '30 days'
              AND p.withdrawn_at IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM refunds AS later
                  WHERE later.viewer = declined.viewer AND later.purchase = declined.purchase
                    AND later.requested_at > declined.requested_at
              )
        """,
        {"owed": 1 * HOURS},
    ),
    InFlight(
        "acceptance",
        "SELECT 'open' AS state, paid_at AS since FROM acceptances WHERE next_check_at IS NOT NULL",
        # Google refunds what was not accepted for three days.
        {"open": 48 * HOURS},
    ),
    InFlight(
        "backfill",
        """
            SELECT 'waiting' AS state, covered_until AS since FROM backfills
            WHERE next_check_at IS NOT NULL
        """,
        # A provider that gives no list for this long hides the webhooks that it could not deliver.
        {"waiting": 2 * HOURS},
        is_of_reference=True,
    ),
    InFlight(
        "dispute",
        "SELECT state, recorded_at AS since FROM disputes WHERE state = 'open'",
        {"open": 120 * DAYS},
    ),
    InFlight(
        "dispute-evidence",
        # Overdue two days before the provider takes no more: a person needs time to collect it.
        # What is missed is counted until the bank decides, and has no time limit of its own.
        """
            SELECT CASE WHEN evidence_due_at > now() THEN 'due' ELSE 'missed' END AS state,
                   evidence_due_at - interval '2 days' AS since
            FROM disputes
            WHERE state = 'open' AND NOT evidence_submitted AND evidence_due_at IS NOT NULL
        """,
        {"due": 0, "missed": 400 * DAYS},
    ),
)
