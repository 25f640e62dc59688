"""How long payouts have waited, for whoever watches over them."""

from prometheus_client import Gauge

from services.payout.domain.payouts import State
from services.payout.store import attempts, waiting
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
# A payout in any other state has come to its end.
WATCHED = (State.REQUESTED, State.HELD, State.APPROVED, State.SENT)


async def report(tx: Transaction) -> None:
    ages_seconds = await waiting.oldest_seconds(tx, WATCHED)
    for state in WATCHED:
        OLDEST_AGE_SECONDS.labels(state.value).set(ages_seconds.get(state, 0.0))
    UNRESOLVED.set(await attempts.count_unresolved(tx))
