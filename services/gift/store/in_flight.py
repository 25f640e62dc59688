"""Gifts that wait for the wallet."""

from shared.backoffice.in_flight import InFlight

IN_FLIGHT = (
    # Requested again after ten minutes; one that then waits much longer is overdue.
    InFlight(
        "gift",
        "SELECT 'requested' AS state, requested_at AS since FROM open_gifts",
        {"requested": 900},
    ),
)
