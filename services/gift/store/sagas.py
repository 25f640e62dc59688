"""Gifts that wait for the wallet."""

from shared.backoffice.in_flight import Saga

SAGAS = (
    # Asked again after ten minutes; who then waits much longer is not heard.
    Saga(
        "gift",
        "SELECT state, requested_at AS since FROM gifts WHERE state = 'requested'",
        {"requested": 900},
    ),
)
