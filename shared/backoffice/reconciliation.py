"""
Reconciliation totals: one service's source of what two services know, to be compared.

Both sources sum the same gifts or purchases by the hour in which they began. Where count, amount
and hash of an hour agree, there is nothing to compare one by one.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from shared.ledger.recall import ARCHIVED, archived_between
from shared.postgres.database import Row, Transaction
from shared.postgres.statements import Statement, text


@dataclass(frozen=True, slots=True)
class Totals:
    """One hour of a source in three numbers; the hash covers ids and amounts."""

    count: int
    amount: int
    hash: int

    def plus(self, other: "Row | Totals") -> "Totals":
        """Return the totals of both, which have nothing in common."""
        return Totals(self.count + other.count, self.amount + other.amount, self.hash ^ other.hash)


def add_hours(parts: Iterable[Mapping[datetime, Totals]]) -> dict[datetime, Totals]:
    """Add the hours of all parts up."""
    sums: dict[datetime, Totals] = {}
    for hour, new in chain.from_iterable(each.items() for each in parts):
        sums[hour] = sums.get(hour, Totals(0, 0, 0)).plus(new)
    return sums


def add_amounts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add the amounts of all parts up: a purchase or gift is in one of them."""
    sums = Counter[str]()
    for amounts in parts:
        sums.update(amounts)
    return sums


class Source:
    """
    What one service knows: a query of (at, id, amount), `id` as text.

    A query over `{entries}` reads the entries of archives, too.
    """

    def __init__(self, query: str) -> None:
        of_table = query.replace("{entries}", "entries")
        self._has_archives = of_table != query
        of_archive = query.replace("{entries}", f"{ARCHIVED} AS entries")
        self._hours, self._archived_hours = _around(_HOURS, of_table, of_archive)
        self._between, self._archived_between = _around(_BETWEEN, of_table, of_archive)
        self._named, self._archived_named = _around(_NAMED, of_table, of_archive)

    async def hours(
        self, tx: Transaction, *, since: datetime, until: datetime
    ) -> dict[datetime, Totals]:
        """Return the totals of what began in [since, until), by the hour."""
        asked = {"since": since, "until": until}
        rows = list(await tx.execute(self._hours, asked))
        async for archived in self._archives(tx, since, until):
            rows += await tx.execute(self._archived_hours, {**asked, "archived": archived})
        found: dict[datetime, Totals] = {}
        for row in rows:
            found[row.hour] = found.get(row.hour, Totals(0, 0, 0)).plus(row)
        return found

    async def amounts(self, tx: Transaction, *, since: datetime, until: datetime) -> dict[str, int]:
        """Return the amounts of what began in [since, until), by id."""
        asked = {"since": since, "until": until}
        rows = list(await tx.execute(self._between, asked))
        async for archived in self._archives(tx, since, until):
            rows += await tx.execute(self._archived_between, {**asked, "archived": archived})
        return {row.id: row.amount for row in rows}

    async def amounts_of(self, tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
        """Return the amounts of these ids, of any time."""
        rows = await tx.execute(self._named, {"ids": list(ids)})
        found = {row.id: row.amount for row in rows}
        # All archives are read for them: seldom, because nearly everything was found by its time.
        if missing := [each for each in ids if each not in found]:
            async for archived in self._archives(tx, *_EVER):
                asked = {"ids": missing, "archived": archived}
                found |= {
                    row.id: row.amount for row in await tx.execute(self._archived_named, asked)
                }
        return found

    async def _archives(
        self, tx: Transaction, since: datetime, until: datetime
    ) -> AsyncIterator[str]:
        if self._has_archives:
            async for archived in archived_between(tx, since, until):
                yield archived


def _around(statement: str, *queries: str) -> list[Statement]:
    return [text(statement.replace("{query}", query)) for query in queries]


_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


_HOURS = """
    SELECT date_trunc('hour', at, 'UTC') AS hour, count(*) AS count,
           sum(amount)::bigint AS amount, bit_xor(hashtextextended(id || ':' || amount, 0)) AS hash
    FROM ({query}) AS source
    WHERE at >= CAST(:since AS timestamptz) AND at < CAST(:until AS timestamptz)
    GROUP BY 1
"""
_BETWEEN = """
    SELECT id, amount::bigint AS amount FROM ({query}) AS source
    WHERE at >= CAST(:since AS timestamptz) AND at < CAST(:until AS timestamptz)
"""
_NAMED = """
    SELECT id, amount::bigint AS amount FROM ({query}) AS source
    WHERE id = ANY(CAST(:ids AS text[]))
"""
