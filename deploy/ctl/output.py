"""
What commands print: tables for people, JSON for programs.

Names and messages may contain any text. It is printed as text: no markup, and no character that
moves the cursor or hides what stands beside it.
"""

import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=True, markup=False, emoji=False)

# A file or a pipe has no width; a terminal has one, and long words fold there.
WIDE = 10_000
# Work that takes less is not spoken of.
QUIET_SECONDS = 2.0
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
        table.add_row(*("" if value is None else visible(str(value)) for value in row.values()))
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)


def say(text: str, *, as_json: bool, **facts: object) -> None:
    """Print one outcome: a sentence, or its facts."""
    if as_json:
        sys.stdout.write(json.dumps(facts, default=str) + "\n")
    else:
        tell(text)


def tell(text: str, *, style: str | None = None) -> None:
    """Print a line; characters that would control the terminal are shown, not sent."""
    console.print(visible(text), style=style)


def complain(text: str) -> None:
    """Print a line on standard error; like `tell`, safe for a terminal."""
    sys.stderr.write(f"{visible(text)}\n")


def visible(text: str) -> str:
    """Return the text with control characters, and invisible ones, as escape sequences."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change; without a terminal to ask at, require `--yes`."""
    if yes:
        return
    if not sys.stdin.isatty():
        sys.stderr.write(f"{question} Add --yes: there is no terminal to ask at.\n")
        raise typer.Exit(USAGE)
    typer.confirm(question, abort=True)


@contextmanager
def working(what: str, *, as_json: bool) -> Iterator[None]:
    """
    Show on standard error that work goes on, once it takes longer than two seconds.

    Only a terminal is shown it, and no program that reads JSON.
    """
    errors = Console(stderr=True)
    if as_json or not errors.is_terminal:
        yield
        return
    status = errors.status(f"{what} ...")
    starting = threading.Timer(QUIET_SECONDS, status.start)
    starting.daemon = True
    starting.start()
    try:
        yield
    finally:
        starting.cancel()
        status.stop()
