"""
Primaries are lost while gifts are sent, and each settles once: `make failover`.

STRIKE is `killed` or `silent`; without it, both happen, one after the other.
"""

import os
import sys
from dataclasses import asdict

from tests.chaos.command import FOLDER, carry_out, number, say, seed, show, write
from tests.chaos.plan import make_plan
from tests.chaos.results import LOGS
from tests.failover.run import run
from tests.failover.strikes import Strike

# More than are sent; the load ends with the last strike.
GIFTS = 8_000
FILE = FOLDER / "failover.json"


def main() -> None:
    plan = make_plan(seed=seed(), gifts=number("GIFTS", GIFTS), faults=0)
    chosen = os.environ.get("STRIKE")
    strikes = [Strike(chosen)] if chosen else list(Strike)
    outcome = carry_out(lambda: run(plan, strikes, logs=LOGS, say=say))
    show("gifts while a primary is lost", outcome.checks)
    about: dict[str, object] = {
        "seed": plan.seed,
        "answers": dict(outcome.answers),
        "retries": {str(status): count for status, count in outcome.retries.items()},
        "outages": [asdict(each) for each in outcome.outages],
    }
    write(FILE, about, plan.faults, outcome.checks)
    if not outcome.holds:
        sys.exit("Not everything holds.")


if __name__ == "__main__":
    main()
