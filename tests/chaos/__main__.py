"""
Everything breaks while gifts are sent, and each settles once: `make chaos`.

GIFTS, FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

import asyncio
import os
import random
import signal
import sys

import uvloop

from deploy.harness.processes import ServerFailed
from shared.observability.logging import configure_logging
from tests.chaos.plan import Plan, make_plan
from tests.chaos.results import LOGS, show, show_plan
from tests.chaos.run import Outcome, run

GIFTS, FAULTS = 20_000, 40
SEEDS = 1_000_000


def main() -> None:
    configure_logging("chaos", level="ERROR")
    plan = make_plan(
        seed=int(os.environ.get("SEED") or random.randrange(SEEDS)),
        gifts=int(os.environ.get("GIFTS") or GIFTS),
        faults=int(os.environ.get("FAULTS") or FAULTS),
    )
    show_plan(plan)
    try:
        outcome = uvloop.run(_run(plan))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Stopped.")
    except ServerFailed as error:
        sys.exit(str(error))
    show(outcome)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


async def _run(plan: Plan) -> Outcome:
    # Whoever ends us politely sees everything end: SIGTERM is a Ctrl-C.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(plan, logs=LOGS, say=say)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
