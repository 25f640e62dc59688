"""How many coins come in and go out: closed hours as they were kept, the newest as they stand."""

from datetime import datetime
from functools import partial
from itertools import chain

from services.wallet.domain.flow import HOUR, FlowHour, add_hours, hours_between
from services.wallet.store import flow as store
from shared.ledger.hours import end_of_last_closed_hour
from shared.postgres.database import Database

# How far back hours are kept that were not, after the service was away or is new.
HOURS_MAX = 48
# An open hour with more entries than this in one part is not summed up before it is closed.
OPEN_ENTRIES_MAX = 50_000


async def keep_flow(database: Database, *, now: datetime) -> bool:
    """Sum up the newest closed hour that is not kept yet; return whether there may be another."""
    closed = end_of_last_closed_hour(now)
    first = closed - HOURS_MAX * HOUR
    async with database.reference.transaction() as tx:
        kept = {each.hour for each in await store.kept_hours(tx, since=first)}
    missing = [hour for hour in hours_between(first, closed) if hour not in kept]
    if not missing:
        return False
    since = missing[-1]
    # Entries of a closed hour are there, and stay: so the parts need no common instant.
    sum_up = partial(store.sum_hours, since=since, until=since + HOUR)
    found = chain.from_iterable(await database.read_each(sum_up))
    async with database.reference.transaction() as tx:
        await store.keep_hours(tx, add_hours(found, since=since, until=since + HOUR))
    return len(missing) > 1


async def read_flow(
    database: Database, *, now: datetime, hours: int
) -> list[tuple[FlowHour, bool]]:
    """
    Return the newest hours that are known, the oldest first, and whether each is closed.

    Open hours are summed up only while they are small.
    """
    closed = end_of_last_closed_hour(now)
    first = closed - (hours - 1) * HOUR
    async with database.reference.transaction() as tx:
        kept = await store.kept_hours(tx, since=first)
    known = [(each, True) for each in kept]
    return known + [(each, False) for each in await _open_hours(database, closed, now)]


async def _open_hours(database: Database, since: datetime, now: datetime) -> list[FlowHour]:
    found: list[FlowHour] = []
    for part in database.parts:
        async with part.transaction() as tx:
            sums = await store.sum_open_hours(tx, since=since, limit=OPEN_ENTRIES_MAX)
        if sums is None:
            return []
        found += sums
    # The clock of a database may be ahead of ours.
    until = max([now, *(each.hour + HOUR for each in found)])
    return add_hours(found, since=since, until=until)
