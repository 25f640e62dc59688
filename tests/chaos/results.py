"""What a run's plan was, and what came of it: for people on the terminal, for others in files."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.plan import Plan
from tests.chaos.run import Outcome

FOLDER = Path(".bench")
FILE = FOLDER / "chaos.json"
PLAN_FILE = FOLDER / "chaos-plan.json"
LOGS = FOLDER / "chaos-logs"
# Every figure of the result is there, also when nothing was counted under it.
FIGURES = (
    *("lost", "twice", "unasked", "unlogged", "out_of_order", "imbalance"),
    *("dead_letters", "waiting", "died"),
)


def show_plan(plan: Plan) -> None:
    """Print the plan's faults and write all of it."""
    table = Table(title=f"seed {plan.seed}: {plan.gifts} gifts", show_edge=False)
    for heading in ("", "after answers", "fault", "at", "seconds"):
        table.add_column(heading)
    for number, fault in enumerate(plan.faults, start=1):
        cells = (str(number), str(fault.at_answers), fault.kind, fault.target, str(fault.seconds))
        table.add_row(*cells)
    Console(width=100).print(table)
    FOLDER.mkdir(exist_ok=True)
    PLAN_FILE.write_text(json.dumps(asdict(plan), indent=2) + "\n")


def show(outcome: Outcome) -> None:
    """Print the checks and write the result."""
    table = Table(title=f"seed {outcome.plan.seed}", show_edge=False)
    for heading in ("what has to be zero", "", "", "detail"):
        table.add_column(heading, justify="right" if not heading else "left")
    for each in outcome.checks:
        mark = "[bold red]✗" if each.figure else "[green]✓"
        table.add_row(each.name, f"{each.figure:,}", mark, each.detail[:60])
    Console(width=120).print(table)
    result = as_result(outcome)
    FOLDER.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "checks"}))


def as_result(outcome: Outcome) -> dict[str, object]:
    faults = Counter(fault.kind.value for fault in outcome.plan.faults)
    return {
        "seed": outcome.plan.seed,
        "faults": {"total": faults.total(), **dict(sorted(faults.items()))},
        "accepted": outcome.answers.total(),
        "settled": outcome.answers[201],
        "refused": outcome.answers[402] + outcome.answers[403],
        "retried": outcome.retries,
        "injected": outcome.injected,
        **{name: outcome.figures[name] for name in FIGURES},
        "seconds": round(outcome.seconds, 1),
        "gifts_per_second": round(outcome.answers.total() / outcome.seconds, 1),
        "checks": {each.name: each.figure for each in outcome.checks},
    }
