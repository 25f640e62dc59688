"""
Everything breaks while coins are bought from five providers: `make chaos PURCHASES=2000`.

FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

from tests.chaos.command import FOLDER, carry_out, finish, number, say, seed
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
    finish(FILE, plan, outcome, purchases=plan.purchases, paid=outcome.paid)


if __name__ == "__main__":
    main()
