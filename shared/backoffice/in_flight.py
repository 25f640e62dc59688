"""
What waits for an outcome, and for how long: measured by each process, from its own database.

A thing is overdue when nothing but a person or a lost message explains that it still waits. All
instances of a service measure the same: take the maximum.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from sqlalchemy import TextClause, text

from shared.messaging.broker import pause
from shared.observability.metrics import SAGA_OPEN, SAGA_OVERDUE
from shared.postgres.database import Database, Transaction
from shared.runtime.service import Part

log = structlog.get_logger()

MEASURE_EVERY_SECONDS = 15.0
# More than this need no exact number.
COUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Saga:
    """
    Things of one type that wait: `query` selects their (state, since), by an index of the open.

    `patience_seconds` says of each state how long is too long.
    """

    type: str
    query: str
    patience_seconds: Mapping[str, int]


def watch(database: Database, sagas: Sequence[Saga]) -> Part:
    """Return a part of a service that measures its sagas for as long as it runs."""

    async def measure_again_and_again(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with database.transaction() as tx:
                    for saga in sagas:
                        await measure(tx, saga)
            except Exception as error:  # noqa: BLE001 - who cannot measure must not stop
                log.warning("sagas.unmeasured", error=repr(error)[:200])
            await pause(MEASURE_EVERY_SECONDS, stopping)

    return measure_again_and_again


async def measure(tx: Transaction, saga: Saga) -> None:
    """Count what is open and what is overdue."""
    rows = await tx.execute(
        _statement(saga.query),
        {
            "states": list(saga.patience_seconds),
            "seconds": list(saga.patience_seconds.values()),
            "limit": COUNTED_MAX,
        },
    )
    for row in rows:
        SAGA_OPEN.labels(saga.type, row.state).set(row.open)
    SAGA_OVERDUE.labels(saga.type).set(sum(row.overdue for row in rows))


@lru_cache
def _statement(query: str) -> TextClause:
    return text(_COUNT.replace("{things}", query))


_COUNT = """
    SELECT patience.state, count(thing.state) AS open,
           count(*) FILTER (WHERE since < now() - make_interval(secs => seconds)) AS overdue
    FROM unnest(CAST(:states AS text[]), CAST(:seconds AS integer[])) AS patience (state, seconds)
    LEFT JOIN (SELECT state, since FROM ({things}) AS open LIMIT :limit) AS thing USING (state)
    GROUP BY patience.state
"""
