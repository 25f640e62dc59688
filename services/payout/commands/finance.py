"""What finance reads: creator payable as of a day, dormant balances, and what falls due."""

from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TypeAlias
from zoneinfo import ZoneInfo

from services.payout.domain import finance as domain
from services.payout.domain.finance import Dormant, ForecastLine, PayableLine
from services.payout.domain.statements import month_of
from services.payout.store import finance as store
from shared.postgres.database import Database, Transaction

# The number of a part, and the last creator of it who was looked at.
DormantPlace: TypeAlias = tuple[int, str]


async def read_payable(
    database: Database, day: date, *, zone: str, country: str | None, now: datetime
) -> list[PayableLine]:
    """Return what creators were owed at the end of a day."""
    until = domain.end_of(day, zone, now)

    async def read(tx: Transaction) -> list[PayableLine]:
        # Months end in the operator's zone, the day may end in another: at most a day is between.
        month = await store.closed_until(tx, month_of(day - timedelta(days=1)))
        return await store.payable(tx, month=month, until=until, country=country)

    return domain.add_payable(chain.from_iterable(await database.read_each(read)))


async def read_dormant(
    database: Database, *, days: int, after: DormantPlace, limit: int, now: datetime
) -> tuple[list[Dormant], DormantPlace | None]:
    """
    Return creators whose diamonds nothing has moved for so many days, some at a time.

    One part follows another: the second value is where the next call goes on, None at the end.
    """
    number, creator = after
    async with database.part(number).transaction() as tx:
        found, last = await store.dormant(
            tx, before=now - timedelta(days=days), after=creator, limit=limit
        )
    if last is not None:
        return found, (number, last)
    return found, (number + 1, "") if number + 1 < database.part_count else None


async def read_forecast(
    database: Database, *, days: int, zone: str, now: datetime
) -> list[ForecastLine]:
    """Return what falls due today and on each of the following days."""
    today = now.astimezone(ZoneInfo(zone)).date()
    end = today + timedelta(days=days)
    until = domain.start_of(end, zone)
    due = await database.read_each(partial(store.due, now=now, until=until, zone=zone))
    return domain.forecast(chain.from_iterable(due), end=end)
