"""Looking at how long gifts take."""

from datetime import UTC, datetime

from services.gift.domain.latency import Decided, Minute, by_minute
from services.gift.store import latency as store
from shared.postgres.database import Database

MINUTES = 60
# So many of a minute tell its 95th percentile, and no more are read of any minute.
GIFTS_MAX = 100


async def read_latency(database: Database, *, now: datetime) -> list[Minute]:
    """Return the minutes of the last hour in which gifts were decided, the oldest first."""
    until = now.astimezone(UTC).replace(second=0, microsecond=0)
    limit = -(-GIFTS_MAX // len(database.parts))
    found: list[Decided] = []
    for part in database.parts:
        # Not a snapshot: those may read whole tables.
        async with part.transaction() as tx:
            found += await store.sample(tx, until=until, minutes=MINUTES, limit=limit)
    return by_minute(found)
