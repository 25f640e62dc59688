"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=True)

DONE, FOUND_WRONG, USAGE, UNREACHABLE = range(4)


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool, empty: str) -> None:
    """Print rows of the same columns."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), default=str) + "\n")
        return
    if not rows:
        console.print(empty)
        return
    table = Table(show_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)


def say(text: str, *, as_json: bool, **facts: object) -> None:
    """Print one outcome: a sentence, or its facts."""
    if as_json:
        sys.stdout.write(json.dumps(facts, default=str) + "\n")
    else:
        console.print(text)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is changed; where nobody can answer, only `--yes` will do."""
    if yes:
        return
    if not sys.stdin.isatty():
        sys.stderr.write(f"{question} Say --yes: there is nobody to ask.\n")
        raise typer.Exit(USAGE)
    typer.confirm(question, abort=True)
