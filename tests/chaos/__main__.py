"""
Everything breaks while gifts are sent, and each settles once: `make chaos`.

GIFTS, FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

import os
import random
import signal
import sys

import uvloop

from deploy.local.processes import ServerFailed
from shared.logging import configure_logging
from tests.chaos.plan import make_plan
from tests.chaos.results import LOGS, show, show_plan
from tests.chaos.run import run

GIFTS, FAULTS = 20_000, 40
SEEDS = 1_000_000


def main() -> None:
    configure_logging("chaos", level="ERROR")
    # Whoever ends us politely sees everything end: SIGTERM is a Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = make_plan(
        seed=int(os.environ.get("SEED") or random.randrange(SEEDS)),
        gifts=int(os.environ.get("GIFTS") or GIFTS),
        faults=int(os.environ.get("FAULTS") or FAULTS),
    )
    show_plan(plan)
    try:
        outcome = uvloop.run(run(plan, logs=LOGS, say=say))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    except ServerFailed as error:
        sys.exit(str(error))
    show(outcome)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
