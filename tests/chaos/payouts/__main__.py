"""
Everything breaks while creators cash out over three providers: `make chaos PAYOUTS=1000`.

FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

import sys

from tests.chaos.command import FOLDER, carry_out, number, say, seed, show, write
from tests.chaos.payouts.plan import make_plan
from tests.chaos.payouts.run import run
from tests.chaos.results import LOGS

PAYOUTS, FAULTS = 1_000, 80
FILE = FOLDER / "chaos-payouts.json"


def main() -> None:
    plan = make_plan(
        seed=seed(), payouts=number("PAYOUTS", PAYOUTS), faults=number("FAULTS", FAULTS)
    )
    say(f"SEED={plan.seed}")
    outcome = carry_out(lambda: run(plan, logs=LOGS, say=say))
    show(f"{plan.payouts} payouts", outcome.checks)
    say(", ".join(f"{name} {count}" for name, count in sorted(outcome.stories.items())))
    about: dict[str, object] = {
        "seed": plan.seed,
        "payouts": plan.payouts,
        "stories": dict(sorted(outcome.stories.items())),
        "seconds": round(outcome.seconds, 1),
    }
    write(FILE, about, plan.all_faults, outcome.checks)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


if __name__ == "__main__":
    main()
