"""
Everything breaks while gifts are sent, and each settles once: `make chaos`.

GIFTS, FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

import sys

from tests.chaos.command import carry_out, number, say, seed
from tests.chaos.plan import make_plan
from tests.chaos.results import LOGS, show, show_plan
from tests.chaos.run import run

GIFTS, FAULTS = 20_000, 40


def main() -> None:
    plan = make_plan(seed=seed(), gifts=number("GIFTS", GIFTS), faults=number("FAULTS", FAULTS))
    show_plan(plan)
    outcome = carry_out(lambda: run(plan, logs=LOGS, say=say))
    show(outcome)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


if __name__ == "__main__":
    main()
