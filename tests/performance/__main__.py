"""
How fast it is, on real servers with all services running: `make bench`.

Each figure is a ratio to a yardstick that was measured in the same run on the same machine.
"""

import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from deploy.harness.system import System
from shared.observability.logging import configure_logging
from tests.performance.fanout import seen_by_a_room
from tests.performance.gifts import Crowd, hot_against_spread, over_http
from tests.performance.latency import heard_by_another_team
from tests.performance.leaderboards import leaderboards_of_old_rooms
from tests.performance.ledger import post_gifts, post_on_old_books
from tests.performance.messages import relay_and_consume
from tests.performance.results import Results
from tests.performance.yardstick import pgbench

Answer = TypeVar("Answer")


def main() -> None:
    configure_logging("bench", level="ERROR")
    # Five hundred creators are live in no room; what it costs to look whether they are is counted.
    os.environ["GIFT_ANYBODY_MAY_RECEIVE"] = "true"
    _say("Starting PostgreSQL, RabbitMQ and all services")
    results = Results()
    with System() as system:
        _say("Yardstick: pgbench, three runs of ten seconds, services idle")
        yardstick = pgbench(system)
        results.add(yardstick)
        _say("(a) Posting gifts through the wallet's command path")
        results.add(*_run(post_gifts(system, yardstick)))
        _say("(a) The same on top of millions of postings, and the proof of them")
        results.add(*_run(post_on_old_books(system)))
        _say("(b) Gifts over HTTP")
        crowd = Crowd(system)
        _run(crowd.fund())
        spread = _run(over_http(crowd, yardstick))
        results.add(*spread)
        _say("(c) One creator against many")
        results.add(*_run(hot_against_spread(crowd)))
        _say("(d) Relay and consumer against the bare client")
        results.add(*_run(relay_and_consume(system)))
        _say("(e) Until another team hears of a gift")
        greatest = max(result.value for result in spread if result.unit == "gifts/s")
        results.add(*_run(heard_by_another_team(system, crowd, greatest=greatest)))
        _say("(f) Until a room of a thousand sees a gift")
        results.add(*_run(seen_by_a_room(system, crowd)))
        _say("(g) Standings on top of a million gifts")
        results.add(*_run(leaderboards_of_old_rooms(system)))
    results.show()
    if not results.are_met:
        sys.exit("Some figures are out of their bounds.")


def _run(part: Coroutine[Any, Any, Answer]) -> Answer:
    return uvloop.run(part)


def _say(text: str) -> None:
    print(f"{text} ...", flush=True)


if __name__ == "__main__":
    main()
