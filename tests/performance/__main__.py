"""
How fast it is, on real servers with all services running: `make bench`.

PART names what to measure (`make bench PART=http,idle`); AGAINST a commit to take turns with, each
with its own servers and services.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import uvloop

from tests.performance import fanout, instances, latency, through_http, yardstick
from tests.performance.benches import tune
from tests.performance.installation import Installation, installation_of
from tests.performance.machine import OTHERS_MAX, Others
from tests.performance.results import Result, Results

Measure: TypeAlias = Callable[[Installation], Awaitable[Sequence[Result]]]
YARDSTICK = "pgbench"
# How often each of two trees is measured, in turns.
TURNS = 2
LOOK_SECONDS = 2.0


def _own(part: str) -> Measure:
    """Measure inside the tree's own code."""

    async def measure(installation: Installation) -> Sequence[Result]:
        return await asyncio.to_thread(installation.measure, part)

    return measure


PARTS: dict[str, tuple[str, Measure]] = {
    "ledger": ("Posting gifts through the wallet's own code", _own("ledger")),
    "old": ("The same on millions of old entries, and their verification", _own("old")),
    "idle": ("Nothing is asked", through_http.idle),
    "purchases": ("Viewers buy coins", through_http.purchases),
    "alone": ("One gift after the other", through_http.alone),
    "http": ("Gifts over HTTP", through_http.many),
    "statements": ("Statements for a gift", through_http.statements),
    "hot": ("One creator against many", through_http.hot_against_spread),
    "messages": ("Relay and consumer against the bare client", _own("messages")),
    "relays": ("One, two and four relays empty an outbox", _own("relays")),
    "latency": ("Until another team receives a gift", latency.received_by_another_team),
    "instances": (
        "Until an event of one instance is published by another",
        instances.published_by_another,
    ),
    "fanout": ("Until a room of a thousand sees a gift", fanout.seen_by_a_room),
    "memory": ("Memory", through_http.memory),
    "leaderboards": ("Leaderboards on top of a million gifts", _own("leaderboards")),
}
# What is judged beside pgbench.
TO_THE_YARDSTICK = {"ledger", "http"}
# Of an older tree only what it surely has.
COMPARED = {"ledger", "old", "idle", "purchases", "alone", "http", "statements", "fanout", "memory"}


def main() -> None:
    chosen = _chosen_parts()
    commit = os.environ.get("AGAINST") or None
    results, others = Results(commit), Others()
    with ExitStack() as ending:
        print("Starting PostgreSQL, RabbitMQ and all services ...", flush=True)
        today = ending.enter_context(Installation())
        before = ending.enter_context(installation_of(commit)) if commit else None
        uvloop.run(_look_around(results, others))
        if compared := TO_THE_YARDSTICK.intersection(chosen):
            _measure_yardstick(today, before, results)
        for part in chosen:
            _measure(part, today, before, results)
            _judge(others, results, part)
        if compared:
            _measure_yardstick(today, before, results)
            _judge(others, results, YARDSTICK)
    results.show()
    if results.missed() or results.failures:
        sys.exit("Some figures are out of their bounds, or some parts failed.")


def _chosen_parts() -> list[str]:
    wanted = [part for part in os.environ.get("PART", "").split(",") if part] or list(PARTS)
    if unknown := set(wanted) - PARTS.keys():
        sys.exit(f"No such part: {', '.join(sorted(unknown))}. There are: {', '.join(PARTS)}.")
    return [part for part in PARTS if part in wanted]


def _measure(part: str, today: Installation, before: Installation | None, results: Results) -> None:
    """Measure one part, of both trees in turns; what fails ends only this part."""
    title, measure = PARTS[part]
    print(f"{title} ({part}) ...", flush=True)
    turns = [before, today] * TURNS if before and part in COMPARED else [today]
    try:
        for installation in turns:
            with _stopped([other for other in (today, before) if other is not installation]):
                results.add(*uvloop.run(_tuned(measure, installation)), side=installation.name)
    except Exception as error:  # noqa: BLE001 - the other parts have figures still
        results.fail(part, error)


@contextmanager
def _stopped(installations: Sequence[Installation | None]) -> Iterator[None]:
    with ExitStack() as stack:
        for installation in filter(None, installations):
            stack.enter_context(installation.stopped())
        yield


async def _tuned(measure: Measure, installation: Installation) -> Sequence[Result]:
    tune()
    return await measure(installation)


async def _look_around(results: Results, others: Others) -> None:
    """See what else the machine does before anything is measured."""
    others.share()
    await asyncio.sleep(LOOK_SECONDS)
    _judge(others, results, "the beginning")


def _judge(others: Others, results: Results, part: str) -> None:
    share = others.share()
    if share > OTHERS_MAX:
        results.doubt(f"during {part} other programs took {share:.0%} of all cores")


def _measure_yardstick(today: Installation, before: Installation | None, results: Results) -> None:
    """Run pgbench on today's server; what differs from the last time speaks for itself."""
    last = results.value(YARDSTICK)
    with _stopped([before]):
        now = yardstick.pgbench(today.postgres)
    results.add(Result(YARDSTICK, now, "transactions/s"))
    if last is not None and abs(now - last) > yardstick.DIFFERENCE_MAX * last:
        results.doubt(f"pgbench was {last:,.0f} before and {now:,.0f} transactions/s after")


if __name__ == "__main__":
    main()
