"""What was measured, beside what it has to be; each figure is kept as it comes."""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

FILE = Path(".bench/results.json")
TODAY = "this tree"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure of one run."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Bar:
    """
    What a figure must be and should be, as itself or as a ratio to another of the same run.

    `least` says that more is better; without it, less is.
    """

    figure: str
    must: float
    aim: float | None = None
    of: str | None = None
    least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.must if self.least else value <= self.must


BARS = (
    Bar("ledger posting of gifts", 6, 9, of="pgbench", least=True),
    Bar("gifts of one viewer", 0.8, of="gifts of many viewers", least=True),
    Bar("gifts on old entries", 0.8, 0.95, of="an empty ledger", least=True),
    Bar("entries verified", 200_000, least=True),
    Bar("WAL a gift in the wallet", 1.7, 0.7),
    Bar("a gift in the wallet's database", 500, 320),
    Bar("gifts over HTTP, 64 open", 0.25, 0.4, of="pgbench", least=True),
    Bar("gifts over HTTP, 256 open", 0.35, 0.6, of="pgbench", least=True),
    Bar("CPU a gift, 64 open", 5, 3),
    Bar("one gift alone, p50", 30, 15),
    Bar("idle installation", 0.1, 0.05),
    Bar("CPU a purchase", 30, 20),
    Bar("committed until another instance published it, p99", 100),
    Bar("seen by 1,000, p50", 1.9, 1.3, of="bare fan-out to 1,000, p50"),
    Bar("seen by 1,000, p99", 2, 1.3, of="bare fan-out to 1,000, p99"),
    Bar("memory of the largest service", 110, 80),
    Bar("gifts to one creator, booked", 0.9, of="gifts to spread creators, booked", least=True),
    Bar("relay drain", 0.7, of="bare publish", least=True),
    Bar("consumer with inbox", 0.7, of="bare consume", least=True),
    *(
        Bar(f"standing on 1,000,000, {period}, {how}, p50", 5, of=f"a gifter by key, {how}, p50")
        for period in ("all", "day")
        for how in ("SQL", "over HTTP")
    ),
)


class Results:
    """Everything that was measured, of this tree and of the one it is compared with."""

    def __init__(self, against: str | None = None) -> None:
        self._against = against
        self._values: dict[str, dict[str, list[float]]] = {}
        self._units: dict[str, str] = {}
        self.doubts: list[str] = []
        self.failures: list[str] = []

    def add(self, *results: Result, side: str = TODAY) -> None:
        """Say and keep some figures; one that is measured again counts as the median."""
        for result in results:
            self._units[result.name] = result.unit
            self._values.setdefault(result.name, {}).setdefault(side, []).append(result.value)
            beside = f"  ({side})" if self._against else ""
            print(f"    {result.name}: {_written(result.value)} {result.unit}{beside}", flush=True)
        self._keep()

    def doubt(self, reason: str) -> None:
        """Note why what is measured from now on proves nothing."""
        print(f"    Doubtful: {reason}", flush=True)
        self.doubts.append(reason)
        self._keep()

    def fail(self, part: str, error: BaseException) -> None:
        """Note that a part came to no figures."""
        print(f"    {part} failed: {error!r}", flush=True)
        self.failures.append(f"{part}: {error!r}")
        self._keep()

    def value(self, name: str, side: str = TODAY) -> float | None:
        values = self._values.get(name, {}).get(side)
        return statistics.median(values) if values else None

    def missed(self) -> list[Bar]:
        """Return the bars that this tree does not meet, if a machine like this may judge."""
        if self.doubts:
            return []
        compared = [(bar, self.compared(bar)) for bar in BARS]
        return [bar for bar, value in compared if value is not None and not bar.is_met(value)]

    def compared(self, bar: Bar, side: str = TODAY) -> float | None:
        """Return what a bar judges: a figure, or its ratio to another."""
        value = self.value(bar.figure, side)
        # The yardstick is measured once, on this tree's server.
        yardstick = self.value(bar.of, side) or self.value(bar.of) if bar.of else 1.0
        return value / yardstick if value is not None and yardstick else None

    def show(self) -> None:
        """Print the bars, and beside them everything else that was measured."""
        console = Console(width=130)
        console.print(self._bars())
        console.print(self._others())
        for line in [*self.doubts, *self.failures]:
            console.print(f"[bold]![/] {line}")

    def _bars(self) -> Table:
        table = self._table("figure", "must", "aim", "met")
        for bar in BARS:
            value = self.compared(bar)
            if value is None:
                continue
            sign = "≥" if bar.least else "≤"
            unit = f"x {bar.of}" if bar.of else self._units[bar.figure]
            met = "?" if self.doubts else "[green]yes" if bar.is_met(value) else "[bold red]no"
            aim = "" if bar.aim is None else f"{sign} {bar.aim:g}"
            before = [_written(self.compared(bar, self._against))] if self._against else []
            columns = (_written(value), *before, unit, f"{sign} {bar.must:g}", aim, met)
            table.add_row(bar.figure, *columns)
        return table

    def _others(self) -> Table:
        table = self._table("also measured")
        for name, values in self._values.items():
            before = []
            if self._against:
                before = [_written(self.value(name, self._against))]
            if TODAY in values:
                table.add_row(name, _written(self.value(name)), *before, self._units[name])
        return table

    def _table(self, title: str, *more: str) -> Table:
        table = Table(show_edge=False)
        table.add_column(title)
        table.add_column(TODAY, justify="right")
        if self._against:
            table.add_column(self._against, justify="right")
        for heading in ("", *more):
            table.add_column(heading)
        return table

    def _keep(self) -> None:
        FILE.parent.mkdir(exist_ok=True)
        bars = [{**asdict(bar), "value": self.compared(bar)} for bar in BARS]
        kept = {
            "figures": [
                {"name": name, "unit": self._units[name], **values}
                for name, values in self._values.items()
            ],
            "bars": [bar for bar in bars if bar["value"] is not None],
            "doubts": self.doubts,
            "failures": self.failures,
        }
        FILE.write_text(json.dumps(kept, indent=2) + "\n")


def _written(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.2f}" if value >= 0.1 else f"{value:.3f}"
