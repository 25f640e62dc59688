"""What finance reads: creator payable as of a day, dormant balances, and what falls due."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.payout.domain import finance as domain
from services.payout.domain.finance import Dormant, ForecastLine, PayableLine
from services.payout.domain.statements import month_of
from services.payout.store import finance as store
from shared.postgres.database import Transaction


async def read_payable(
    tx: Transaction, day: date, *, zone: str, country: str | None, now: datetime
) -> list[PayableLine]:
    """Return what creators were owed at the end of a day."""
    until = domain.end_of(day, zone, now)
    # Months end in the operator's zone, the day may end in another: at most a day lies between.
    month = await store.closed_until(tx, month_of(day - timedelta(days=1)))
    return await store.payable(tx, month=month, until=until, country=country)


async def read_dormant(
    tx: Transaction, *, days: int, after: str, limit: int, now: datetime
) -> tuple[list[Dormant], str | None]:
    """Return creators whose diamonds nothing has moved for so many days, some at a time."""
    return await store.dormant(tx, before=now - timedelta(days=days), after=after, limit=limit)


async def read_forecast(
    tx: Transaction, *, days: int, zone: str, now: datetime
) -> list[ForecastLine]:
    """Return what falls due today and on each of the following days."""
    today = now.astimezone(ZoneInfo(zone)).date()
    end = today + timedelta(days=days)
    due = await store.due(tx, now=now, until=domain.start_of(end, zone), zone=zone)
    return domain.forecast(due, end=end)
