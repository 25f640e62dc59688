"""Payouts that are under way."""

from shared.backoffice.in_flight import InFlight

MINUTES, DAYS = 60, 86_400

IN_FLIGHT = (
    InFlight(
        "payout",
        """
            SELECT p.state, s.at AS since FROM payouts AS p
            JOIN payout_states AS s
                ON s.creator = p.creator AND s.payout = p.id AND s.version = p.version
            WHERE p.state IN ('requested', 'held', 'approved', 'sent')
        """,
        # Operators decide held payouts, banks those that are sent; the others wait for no person.
        {"requested": 10 * MINUTES, "held": 7 * DAYS, "approved": 10 * MINUTES, "sent": 5 * DAYS},
    ),
)
