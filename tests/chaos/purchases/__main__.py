"""
Everything breaks while coins are bought from five providers: `make chaos PURCHASES=2000`.

FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

import sys

from tests.chaos.command import FOLDER, carry_out, number, say, seed, show, write
from tests.chaos.purchases.plan import make_plan
from tests.chaos.purchases.run import run
from tests.chaos.results import LOGS

PURCHASES, FAULTS = 2_000, 80
FILE = FOLDER / "chaos-purchases.json"


def main() -> None:
    plan = make_plan(
        seed=seed(), purchases=number("PURCHASES", PURCHASES), faults=number("FAULTS", FAULTS)
    )
    say(f"SEED={plan.seed}")
    outcome = carry_out(lambda: run(plan, logs=LOGS, say=say))
    show(f"{plan.purchases} purchases, {outcome.paid} paid", outcome.checks)
    say(", ".join(f"{name} {count}" for name, count in sorted(outcome.stories.items())))
    about: dict[str, object] = {
        "seed": plan.seed,
        "purchases": plan.purchases,
        "paid": outcome.paid,
        "stories": dict(sorted(outcome.stories.items())),
        "seconds": round(outcome.seconds, 1),
    }
    write(FILE, about, plan.all_faults, outcome.checks)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


if __name__ == "__main__":
    main()
