"""The liability to viewers: as it is, and as it was at the end of a day."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

from services.wallet.domain.liability import LiabilityLine, LiabilityUnknown
from services.wallet.store import liability as store
from shared.postgres.database import Database, Transaction

_NAMES = ("country", "currency", "age")
_FIGURES = tuple(each.name for each in fields(LiabilityLine) if each.name not in _NAMES)


async def keep_liability(database: Database, *, now: datetime) -> bool:
    """Sum up once what was owed at the end of yesterday (UTC), as soon as that day is over."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    async with database.transaction() as tx:
        if await store.was_taken(tx, day):
            return False
    async with database.snapshot() as tx:
        lines = await store.liability(tx)
    async with database.transaction() as tx:
        await store.add_day(tx, day, now, lines)
    return False


async def read_liability(
    tx: Transaction, *, as_of: date | None, country: str | None
) -> list[LiabilityLine]:
    """Return the liability by currency and age: now, or at the end of a day; of one country."""
    if as_of is None:
        lines = await store.liability(tx)
    elif await store.was_taken(tx, as_of):
        lines = await store.liability_of(tx, as_of)
    else:
        raise LiabilityUnknown(as_of=as_of)
    return _by_currency(each for each in lines if country is None or each.country == country)


def _by_currency(lines: Iterable[LiabilityLine]) -> list[LiabilityLine]:
    """Add the lines of all countries up."""
    sums: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        known = sums.setdefault((line.currency, line.age), [0] * len(_FIGURES))
        for place, name in enumerate(_FIGURES):
            known[place] += getattr(line, name)
    return [LiabilityLine("", *key, *sums[key]) for key in sorted(sums)]
