"""Gifts that wait for the wallet."""

from shared.backoffice.in_flight import InFlight

IN_FLIGHT = (
    # Asked again after ten minutes; who then waits much longer is not heard.
    InFlight(
        "gift",
        "SELECT state, requested_at AS since FROM gifts WHERE state = 'requested'",
        {"requested": 900},
    ),
)
