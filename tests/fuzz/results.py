"""What came of a run: for people on the terminal, for others in a file."""

import json
import re
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.config.services import DATABASES
from deploy.gateway.nginx import ROUTES
from tests.fuzz.run import Outcome

FILE = Path(".bench/fuzz.json")
KINDS = ("2xx", "4xx", "5xx", "none")


def show(outcome: Outcome) -> None:
    """Print and keep what was asked of each service, and what was true afterwards."""
    services = by_service(outcome)
    table = Table(title=f"seed {outcome.seed}, {outcome.seconds:.0f} s", show_edge=False)
    for heading in ("service", "operations", "requests", *KINDS, "failures"):
        table.add_column(heading, justify="left" if heading == "service" else "right")
    for name, figures in services.items():
        table.add_row(name, *(f"{figure:,}" for figure in figures.values()))
    checks = Table(show_edge=False)
    for heading in ("what has to be zero", "", "", "detail"):
        checks.add_column(heading, justify="right" if not heading else "left")
    for each in outcome.checks:
        mark = "[bold red]✗" if each.figure else "[green]✓"
        checks.add_row(each.name, f"{each.figure:,}", mark, each.detail if each.figure else "")
    console = Console(width=110)
    console.print(table, "", checks)
    result = {
        "seed": outcome.seed,
        "seconds": round(outcome.seconds, 1),
        "holds": outcome.holds,
        "services": services,
        "failures": {name: failed for name, failed in outcome.failures.items() if failed},
        "checks": {each.name: each.figure for each in outcome.checks},
        "answers": outcome.asked,
    }
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(result, indent=2) + "\n")


def by_service(outcome: Outcome) -> dict[str, dict[str, int]]:
    """Sum up the operations of each service: how many, and how they were answered."""
    found: dict[str, Counter[str]] = {name: Counter() for name in DATABASES}
    for operation, answers in outcome.asked.items():
        figures = found[service_of(operation)]
        figures["operations"] += 1
        figures["failures"] += len(outcome.failures[operation])
        for status, count in answers.items():
            figures["requests"] += count
            figures[f"{status[0]}xx" if status != "0" else "none"] += count
    names = ("operations", "requests", *KINDS, "failures")
    return {name: {each: figures[each] for each in names} for name, figures in found.items()}


def service_of(operation: str) -> str:
    """Return who answers an operation, `GET /v1/gifts`, as the gateway decides it."""
    _, _, path = operation.partition(" ")
    return next(service for pattern, service in ROUTES if re.search(pattern, path))
