"""
Everything breaks while creators cash out over three providers: `make chaos PAYOUTS=1000`.

FAULTS and SEED say how many, and which plan; without a seed a new one is taken and said.
"""

from tests.chaos.command import FOLDER, carry_out, finish, number, say, seed
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
    finish(FILE, plan, outcome, payouts=plan.payouts)


if __name__ == "__main__":
    main()
