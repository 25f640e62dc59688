"""Gauges of how long payouts have been open."""

from prometheus_client import Gauge

from services.payout.domain.payouts import OPEN_STATES
from services.payout.store import attempts, metrics
from shared.postgres.database import Transaction

OLDEST_AGE_SECONDS = Gauge(
    "ovation_payouts_oldest_age_seconds",
    "How long the payout that waits longest has been in a state.",
    ["state"],
)
UNRESOLVED = Gauge(
    "ovation_payouts_unresolved",
    "Payouts that were submitted so long ago that only a person can say what became of them.",
)


async def report(tx: Transaction) -> None:
    """Measure the oldest payout of each open state, and the unresolved ones."""
    ages_seconds = await metrics.oldest_seconds(tx, OPEN_STATES)
    for state in OPEN_STATES:
        OLDEST_AGE_SECONDS.labels(state.value).set(ages_seconds.get(state, 0.0))
    UNRESOLVED.set(await attempts.count_unresolved(tx))
