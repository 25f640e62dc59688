"""What waits to be delivered, as metrics: each instance measures all of it, as it is in flight."""

import asyncio

import structlog
from prometheus_client import Gauge

from services.webhooks.store.metrics import read_waiting
from shared.messaging.broker import pause
from shared.postgres.database import Database

log = structlog.get_logger()

MEASURE_EVERY_SECONDS = 15.0
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


async def measure_forever(database: Database, stopping: asyncio.Event) -> None:
    """Measure until we stop; a database that is away is measured once it is back."""
    while not stopping.is_set():
        try:
            await measure_waiting(database)
        except Exception as error:  # noqa: BLE001 - the next turn measures again
            log.warning("deliveries.unmeasured", error=repr(error)[:200])
        await pause(MEASURE_EVERY_SECONDS, stopping)
