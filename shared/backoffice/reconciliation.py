"""
Reconciliation totals: one service's source of what two services know, to be compared.

Both sources sum the same gifts or purchases by the hour in which they began. Where count, amount
and hash of an hour agree, there is nothing to compare one by one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from shared.postgres.database import Transaction
from shared.postgres.statements import Statement, text


@dataclass(frozen=True, slots=True)
class Totals:
    """One hour of a source in three numbers; the hash covers ids and amounts."""

    count: int
    amount: int
    hash: int


def add_hours(parts: Iterable[Mapping[datetime, Totals]]) -> dict[datetime, Totals]:
    """Add the hours of all parts up."""
    sums: dict[datetime, Totals] = {}
    for hour, new in chain.from_iterable(each.items() for each in parts):
        known = sums.get(hour, Totals(0, 0, 0))
        sums[hour] = Totals(
            known.count + new.count, known.amount + new.amount, known.hash ^ new.hash
        )
    return sums


def add_amounts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add the amounts of all parts up: a purchase or gift is in one of them."""
    sums = Counter[str]()
    for amounts in parts:
        sums.update(amounts)
    return sums


class Source:
    """What one service knows: a query of (at, id, amount), `id` as text."""

    def __init__(self, query: str) -> None:
        self._hours = _around(_HOURS, query)
        self._between = _around(_BETWEEN, query)
        self._named = _around(_NAMED, query)

    async def hours(
        self, tx: Transaction, *, since: datetime, until: datetime
    ) -> dict[datetime, Totals]:
        """Return the totals of what began in [since, until), by the hour."""
        rows = await tx.execute(self._hours, {"since": since, "until": until})
        return {row.hour: Totals(row.count, row.amount, row.hash) for row in rows}

    async def amounts(self, tx: Transaction, *, since: datetime, until: datetime) -> dict[str, int]:
        """Return the amounts of what began in [since, until), by id."""
        rows = await tx.execute(self._between, {"since": since, "until": until})
        return {row.id: row.amount for row in rows}

    async def amounts_of(self, tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
        """Return the amounts of these ids, of any time."""
        rows = await tx.execute(self._named, {"ids": list(ids)})
        return {row.id: row.amount for row in rows}


def _around(statement: str, query: str) -> Statement:
    return text(statement.replace("{query}", query))


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
