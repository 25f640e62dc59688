"""
The in-flight monitor: what waits for an outcome, and for how long.

A payout or gift is overdue when only a person or a lost message explains that it still waits. Each
process measures its service's own database, so all instances measure the same: take the maximum.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog

from shared.messaging.broker import pause
from shared.observability.metrics import IN_FLIGHT, IN_FLIGHT_OVERDUE
from shared.postgres.database import Database, Rows, Transaction
from shared.postgres.statements import Statement, text
from shared.runtime.service import Background

log = structlog.get_logger()

MEASURE_EVERY_SECONDS = 15.0
# More than this need no exact number.
COUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class InFlight:
    """
    Work of one type that waits; `query` selects (state, since) of each, by an index of the open.

    `overdue_seconds` has the longest wait of each state that is not overdue.
    """

    type: str
    query: str
    overdue_seconds: Mapping[str, int]
    # Whether it waits in the schema of reference, and not in that of a user.
    is_of_reference: bool = False


def watch(database: Database, in_flight: Sequence[InFlight]) -> Background:
    """Return a task of a service that measures for as long as the service runs."""

    async def measure_forever(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                for each in in_flight:
                    await measure(database, each)
            except Exception as error:  # noqa: BLE001 - a failed measurement stops no service
                log.warning("in_flight.unmeasured", error=repr(error)[:200])
            await pause(MEASURE_EVERY_SECONDS, stopping)

    return measure_forever


async def measure(database: Database, in_flight: InFlight) -> None:
    """Show what is open and what is overdue, in all parts."""
    states, overdue = await count_in_flight(database, in_flight)
    for state, number in states.items():
        IN_FLIGHT.labels(in_flight.type, state).set(number)
    IN_FLIGHT_OVERDUE.labels(in_flight.type).set(overdue)


async def count_in_flight(database: Database, in_flight: InFlight) -> tuple[Counter[str], int]:
    """Return how much is open in each state, and how much of it is overdue, in all parts."""
    states, overdue = Counter[str](), 0
    parts = (database.reference,) if in_flight.is_of_reference else database.parts
    for part in parts:
        async with part.transaction() as tx:
            for row in await _count(tx, in_flight):
                states[row.state] += row.open
                overdue += row.overdue
    return states, overdue


async def _count(tx: Transaction, in_flight: InFlight) -> Rows:
    return await tx.execute(
        _statement(in_flight.query),
        {
            "states": list(in_flight.overdue_seconds),
            "seconds": list(in_flight.overdue_seconds.values()),
            "limit": COUNTED_MAX,
        },
    )


@lru_cache
def _statement(query: str) -> Statement:
    return text(_COUNT.replace("{query}", query))


_COUNT = """
    SELECT waits.state, count(item.state) AS open,
           count(*) FILTER (WHERE since < now() - make_interval(secs => seconds)) AS overdue
    FROM unnest(CAST(:states AS text[]), CAST(:seconds AS integer[])) AS waits (state, seconds)
    LEFT JOIN (SELECT state, since FROM ({query}) AS open LIMIT :limit) AS item USING (state)
    GROUP BY waits.state
"""
