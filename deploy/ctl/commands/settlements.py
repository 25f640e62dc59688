"""Settlement files of providers, at the terminal."""

import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import here, run
from deploy.ctl.output import FOUND_WRONG, USAGE, complain, tell
from deploy.ctl.settlement_files import Unreadable, read_lines
from deploy.ctl.settlements import Mismatch, Summary, match
from shared.money import amount_text

app = typer.Typer(help="What providers settled, beside our books.", no_args_is_help=True)
SERVICE = "purchase"


@app.command("match")
def match_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    provider: Annotated[str, typer.Option(help="Whose file it is: stripe-eu")],
    as_json: Json = False,
) -> None:
    """Compare a settlement file with the books, and list what they do not agree on."""
    try:
        summary = run(_match(file, provider, as_json=as_json))
    except (Unreadable, UnicodeDecodeError, csv.Error) as error:
        complain(f"{file.name} cannot be read: {error}")
        raise typer.Exit(USAGE) from error
    if not as_json:
        tell(
            f"{summary.lines} lines, {summary.payments} payments compared; left out"
            f" {summary.of_earlier_sales} of earlier sales and {summary.of_no_payment} lines of no"
            f" payment; {summary.mismatches} exceptions"
        )
    if summary.mismatches:
        raise typer.Exit(FOUND_WRONG)


async def _match(file: Path, provider: str, *, as_json: bool) -> Summary:
    summary, show = Summary(), _Document() if as_json else _Lines()
    # Byte order marks begin some downloads.
    with file.open(encoding="utf-8-sig", newline="") as lines:
        async with here().opened(SERVICE) as database:
            async for mismatch in match(database, provider, read_lines(lines), summary):
                show.add(mismatch)
    show.end(summary)
    return summary


class _Lines:
    """Prints exceptions as they are found."""

    def add(self, found: Mismatch) -> None:
        tell(_line(found), style="red")

    def end(self, summary: Summary) -> None:
        """The last line says it."""


class _Document:
    """Prints one document, however long it becomes."""

    def __init__(self) -> None:
        self._before = '{"exceptions": ['

    def add(self, found: Mismatch) -> None:
        sys.stdout.write(self._before + json.dumps(asdict(found)))
        self._before = ", "

    def end(self, summary: Summary) -> None:
        begun = self._before if self._before.startswith("{") else ""
        sys.stdout.write(f'{begun}], "summary": {json.dumps(asdict(summary))}}}\n')


def _line(found: Mismatch) -> str:
    amounts = [
        f"{place} {amount_text(minor, found.currency)}"
        for place, minor in (("file", found.in_file_minor), ("books", found.in_books_minor))
        if minor is not None
    ]
    return f"{found.kind} {found.payment}: {', '.join(amounts)} ({found.where})"
