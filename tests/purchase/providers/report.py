"""What the conformance suite found: a table of cases and providers, and what each one lacks."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from string import ascii_lowercase

from rich.console import Console
from rich.table import Table

PASSED, FAILED = "[green]✓", "[bold red]✗"
OWN = "cases of its own"


@dataclass(slots=True)
class Row:
    """One case: what became of it, by provider. Of several variants, a failed one counts."""

    marks: dict[str, str] = field(default_factory=dict)

    def add(self, provider, mark):
        if self.marks.get(provider) != FAILED:
            self.marks[provider] = mark


class ConformanceReport:
    """Collects results as a plug-in of pytest, and prints the table at the end."""

    def __init__(self, title: str = "conformance of payment providers") -> None:
        self.title = title
        self.cases: dict[str, Row] = {}
        # By provider, what it lacks, and a note for it.
        self.lacks: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report):
        case = report.nodeid.partition("[")[0]
        provider = dict(report.user_properties).get("vendor")
        if not provider or not (report.when == "call" or report.failed or report.skipped):
            return
        mark = FAILED if report.failed else PASSED
        if report.skipped:
            mark = self._note(provider, report.longrepr[2].removeprefix("Skipped: "))
        name = case.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        self.cases.setdefault(name, Row()).add(provider, mark)

    def pytest_terminal_summary(self):
        show(self.cases, self.lacks, title=self.title)

    def _note(self, provider, reason):
        known = self.lacks[provider]
        return known.setdefault(reason, note_name(len(known)))


def note_name(number: int) -> str:
    """Name a note as sheets name their columns: a to z, then aa, ab and so on without end."""
    before, place = divmod(number, len(ascii_lowercase))
    return (note_name(before - 1) if before else "") + ascii_lowercase[place]


def show(cases, lacks, console=None, title="conformance of payment providers"):
    """Print the cases of all providers, and how many each has of its own."""
    console = console or Console(width=120)
    providers = sorted({name for row in cases.values() for name in row.marks})
    common = {name: row for name, row in cases.items() if len(row.marks) == len(providers)}
    own = [row for name, row in cases.items() if name not in common]
    table = Table(title=title, show_edge=False)
    table.add_column("case")
    for provider in providers:
        table.add_column(provider, justify="center")
    for name, row in sorted(common.items()):
        table.add_row(name, *(row.marks[provider] for provider in providers))
    if own:
        table.add_row(OWN, *(_count(own, provider) for provider in providers))
    console.print(table)
    for provider in providers:
        for reason, note in lacks[provider].items():
            console.print(f"  {provider} {note}  {reason}", highlight=False)


def _count(rows: Iterable[Row], provider: str) -> str:
    marks = [row.marks[provider] for row in rows if provider in row.marks]
    passed = sum(mark == PASSED for mark in marks)
    return f"{FAILED} {passed} of {len(marks)}" if FAILED in marks else str(passed)
