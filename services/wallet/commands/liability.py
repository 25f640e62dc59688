"""The liability to viewers: as it is, and as it was at the end of a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain

from services.wallet.domain.liability import (
    BreakageLine,
    LiabilityLine,
    LiabilityUnknown,
    add_lines,
)
from services.wallet.store import liability as store
from shared.postgres.database import Database


async def keep_liability(database: Database, *, now: datetime) -> bool:
    """Sum up once what was owed at the end of yesterday (UTC), as soon as that day is over."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    async with database.reference.transaction() as tx:
        if await store.was_taken(tx, day):
            return False
    lines = await _liability_now(database)
    async with database.reference.transaction() as tx:
        await store.add_day(tx, day, now, lines)
    return False


async def read_liability(
    database: Database, *, as_of: date | None, country: str | None
) -> list[LiabilityLine]:
    """Return the liability by currency and age: now, or at the end of a day; of one country."""
    lines = await _liability_now(database) if as_of is None else await _kept(database, as_of)
    return add_lines(
        replace(each, country="") for each in lines if country is None or each.country == country
    )


async def read_breakage(database: Database) -> list[BreakageLine]:
    """Return unused coins by the age of their lots, and by how long their wallets lie still."""
    return add_lines(chain.from_iterable(await database.read_each(store.breakage)))


async def _liability_now(database: Database) -> list[LiabilityLine]:
    return add_lines(chain.from_iterable(await database.read_each(store.liability)))


async def _kept(database: Database, day: date) -> list[LiabilityLine]:
    async with database.reference.snapshot() as tx:
        if not await store.was_taken(tx, day):
            raise LiabilityUnknown(as_of=day)
        return await store.liability_of(tx, day)
