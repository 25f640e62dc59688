"""What was measured, beside what it is compared with."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

FILE = Path(".bench/results.json")


@dataclass(frozen=True, slots=True)
class Result:
    """A figure; `ratio` is value over yardstick, neither below the floor nor above the ceiling."""

    name: str
    value: float
    unit: str
    yardstick: str = ""
    ratio: float | None = None
    floor: float | None = None
    ceiling: float | None = None

    @property
    def is_bound(self) -> bool:
        return self.floor is not None or self.ceiling is not None

    @property
    def met(self) -> bool:
        if not self.is_bound:
            return True
        low, high = self.floor or 0.0, math.inf if self.ceiling is None else self.ceiling
        return self.ratio is not None and low <= self.ratio <= high


def compared(name: str, value: float, unit: str, *, to: Result, floor: float) -> Result:
    """Compare a figure with a yardstick that was measured in the same run."""
    return Result(name, round(value, 1), unit, to.name, round(value / to.value, 3), floor)


def kept_below(name: str, value: float, unit: str, *, to: Result, ceiling: float) -> Result:
    """Compare a time with a yardstick's: it may be so many times as long."""
    ratio = round(value / to.value, 3)
    return Result(name, round(value, 3), unit, to.name, ratio, ceiling=ceiling)


class Results:
    """Everything that was measured; each figure is kept as it comes, whatever happens later."""

    def __init__(self) -> None:
        self._results: list[Result] = []

    @property
    def are_met(self) -> bool:
        return all(result.met for result in self._results)

    def add(self, *results: Result) -> None:
        """Say and keep some figures."""
        self._results += results
        for result in results:
            compared = "" if result.ratio is None else f" = {result.ratio:.2f} x {result.yardstick}"
            print(
                f"    {result.name}: {_written(result.value)} {result.unit}{compared}", flush=True
            )
        FILE.parent.mkdir(exist_ok=True)
        kept = [asdict(result) for result in self._results]
        FILE.write_text(json.dumps(kept, indent=2) + "\n")

    def show(self) -> None:
        """Print everything as one table."""
        table = Table(show_edge=False)
        for heading in ("what", "value", "unit", "yardstick", "ratio", "bound", ""):
            table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
        for result in self._results:
            ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
            bound = "" if result.floor is None else f"≥ {result.floor:.2f}"
            bound = bound if result.ceiling is None else f"≤ {result.ceiling:.2f}"
            mark = "" if not result.is_bound else ("[green]✓" if result.met else "[bold red]✗")
            value = _written(result.value)
            table.add_row(result.name, value, result.unit, result.yardstick, ratio, bound, mark)
        Console(width=120).print(table)


def _written(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"
