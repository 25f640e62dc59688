"""What waits to be delivered, as metrics; measured by one process, as jobs are."""

from prometheus_client import Gauge

from services.webhooks.store.metrics import read_waiting
from shared.postgres.database import Database

PENDING = Gauge("ovation_deliveries_pending", "Deliveries that wait, of endpoints in use.")
OLDEST = Gauge(
    "ovation_delivery_oldest_seconds", "How long the oldest of them has waited, in seconds."
)
FAILING = Gauge("ovation_endpoints_failing", "Endpoints whose last attempt failed.")
GONE = Gauge("ovation_endpoints_gone", "Endpoints that answered 410, and get nothing any more.")


async def measure_waiting(database: Database) -> None:
    """Measure what waits, and at how many endpoints nothing arrives."""
    async with database.transaction() as tx:
        waiting = await read_waiting(tx)
    PENDING.set(waiting.deliveries)
    OLDEST.set(waiting.oldest_seconds)
    FAILING.set(waiting.endpoints_failing)
    GONE.set(waiting.endpoints_gone)
