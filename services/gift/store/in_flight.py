"""Gifts that wait for the wallet, and people who wait to be erased."""

from services.gift.domain.erasures import ALL
from shared.backoffice.in_flight import InFlight

HOURS = 3_600

IN_FLIGHT = (
    # Requested again after ten minutes; one that then waits much longer is overdue.
    InFlight(
        "gift",
        "SELECT 'requested' AS state, requested_at AS since FROM open_gifts",
        {"requested": 900},
    ),
    # Services answer at once: whether the person's money is settled, then how much they erased.
    InFlight(
        "erasure",
        f"""
            SELECT state, requested_at AS since FROM erasures WHERE state = 'checking'
            UNION ALL
            SELECT state, decided_at FROM erasures
            WHERE state = 'erased' AND decided_at > now() - interval '35 days' AND {len(ALL)} > (
                SELECT count(erased) FROM erasure_answers AS a
                WHERE a.user_id = erasures.user_id AND a.erasure = erasures.id
            )
        """,  # noqa: S608 - our own text only
        {"checking": 1 * HOURS, "erased": 1 * HOURS},
    ),
)
