"""What was measured, beside what it is compared with."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

FILE = Path(".bench/results.json")


@dataclass(frozen=True, slots=True)
class Result:
    """A figure; `ratio` is value over yardstick, and should not be below the floor."""

    name: str
    value: float
    unit: str
    yardstick: str = ""
    ratio: float | None = None
    floor: float | None = None

    @property
    def met(self) -> bool:
        return self.floor is None or (self.ratio is not None and self.ratio >= self.floor)


def compared(name: str, value: float, unit: str, *, to: Result, floor: float) -> Result:
    """Compare a figure with a yardstick that was measured in the same run."""
    return Result(name, round(value, 1), unit, to.name, round(value / to.value, 3), floor)


def show(results: list[Result]) -> bool:
    """Print and keep the results; return whether all floors were met."""
    table = Table(show_edge=False)
    for heading in ("what", "value", "unit", "yardstick", "ratio", "floor", ""):
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for result in results:
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        floor = "" if result.floor is None else f"{result.floor:.2f}"
        mark = "" if result.floor is None else ("[green]✓" if result.met else "[bold red]✗")
        value = f"{result.value:,.1f}"
        table.add_row(result.name, value, result.unit, result.yardstick, ratio, floor, mark)
    Console(width=120).print(table)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    return all(result.met for result in results)
