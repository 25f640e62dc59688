"""
What a service knows of something that two services know: by the hour, and one by one.

Each side counts the same things by the hour in which they began. Where the hours agree in number,
sum and hash there is nothing to compare one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text

from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Tally:
    """All things of one hour in three numbers; the hash covers ids and amounts."""

    count: int
    amount: int
    hash: int


class Side:
    """One service's side: a query of (at, id, amount), `id` as text."""

    def __init__(self, query: str) -> None:
        self._hours = _around(_HOURS, query)
        self._things = _around(_THINGS, query)
        self._named = _around(_NAMED, query)

    async def hours(
        self, tx: Transaction, *, since: datetime, until: datetime
    ) -> dict[datetime, Tally]:
        """Count what began in [since, until), by the hour."""
        rows = await tx.execute(self._hours, {"since": since, "until": until})
        return {row.hour: Tally(row.things, row.amount, row.hash) for row in rows}

    async def things(self, tx: Transaction, *, since: datetime, until: datetime) -> dict[str, int]:
        """Return the amounts of what began in [since, until), by id."""
        rows = await tx.execute(self._things, {"since": since, "until": until})
        return {row.id: row.amount for row in rows}

    async def named(self, tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
        """Return the amounts of things whenever they began, by id."""
        rows = await tx.execute(self._named, {"ids": list(ids)})
        return {row.id: row.amount for row in rows}


def _around(statement: str, query: str) -> TextClause:
    return text(statement.replace("{things}", query))


_HOURS = """
    SELECT date_trunc('hour', at, 'UTC') AS hour, count(*) AS things,
           sum(amount)::bigint AS amount, bit_xor(hashtextextended(id || ':' || amount, 0)) AS hash
    FROM ({things}) AS thing
    WHERE at >= CAST(:since AS timestamptz) AND at < CAST(:until AS timestamptz)
    GROUP BY 1
"""
_THINGS = """
    SELECT id, amount::bigint AS amount FROM ({things}) AS thing
    WHERE at >= CAST(:since AS timestamptz) AND at < CAST(:until AS timestamptz)
"""
_NAMED = """
    SELECT id, amount::bigint AS amount FROM ({things}) AS thing
    WHERE id = ANY(CAST(:ids AS text[]))
"""
