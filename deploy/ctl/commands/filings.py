"""What tax authorities want to know of creators, at the terminal."""

import csv
import sys
import tomllib
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deploy.config.environment import ROOT
from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import here, run
from deploy.ctl.filings import Filed, read_filings, read_totals
from deploy.ctl.output import USAGE, complain, show
from services.payout.domain.filings import Filing, Reach
from shared.http.csv import harmless
from shared.money import amount_text

FILE = ROOT / "seeds" / "filings.toml"
SHOWN_MAX = 1_000

app = typer.Typer(help="Yearly totals of creators by country, for forms of tax authorities.")
_File = typer.Option(exists=True, dir_okay=False, readable=True)
_YEARS = typer.Option(min=2020, max=date.max.year - 1, help="A calendar year.")


@app.callback()
def filings() -> None:
    """Yearly totals of creators by country, for forms of tax authorities."""


@app.command("totals")
def show_totals(
    year: Annotated[int, _YEARS],
    *,
    country: Annotated[str | None, typer.Option(help="Of this country alone: US.")] = None,
    thresholds: Annotated[Path, _File] = FILE,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, of all creators.")] = False,
    as_json: Json = False,
) -> None:
    """
    Show what each creator earned and was paid in a year, and the forms that name them.

    The year is summed up out of closed months; those that are open are said on standard error.
    """
    known = _read(thresholds)
    run(_print_csv(known, year, country) if as_csv else _show(known, year, country, as_json))


async def _show(known: list[Filing], year: int, country: str | None, as_json: bool) -> None:
    rows: list[dict[str, object]] = []
    async for found in read_totals(here(), known, year, country):
        if isinstance(found, int):
            _warn(found, year)
        elif len(rows) == SHOWN_MAX and not as_json:
            complain(f"Only the first {SHOWN_MAX} are shown; --csv prints all.")
            break
        else:
            rows.append(_document(found) if as_json else _row(found))
    show(rows, as_json=as_json, empty="No creator earned anything.")


async def _print_csv(known: list[Filing], year: int, country: str | None) -> None:
    writer: csv.DictWriter[str] | None = None
    async for found in read_totals(here(), known, year, country):
        if isinstance(found, int):
            _warn(found, year)
            continue
        row = _document(found)
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\r\n")
            writer.writeheader()
        writer.writerow(harmless(row))


def _warn(creators: int, year: int) -> None:
    if creators:
        complain(f"{creators} creators have months of {year} that are not closed yet.")


def _row(found: Filed) -> dict[str, object]:
    totals = found.totals

    def written(amount_minor: int) -> str:
        return amount_text(amount_minor, totals.currency)

    return {
        "creator": totals.creator,
        "country": totals.country,
        "gross": written(totals.gross_minor),
        "earned": written(totals.earned_minor),
        "paid": written(totals.paid_minor),
        "fees": written(totals.fees_minor),
        "withheld": written(totals.withheld_minor),
        "gifts": totals.gifts,
        "payouts": totals.payouts,
        "forms": _forms(found),
    }


def _document(found: Filed) -> dict[str, object]:
    return {
        **asdict(found.totals),
        "earned_minor": found.totals.earned_minor,
        "forms": _forms(found),
    }


def _forms(found: Filed) -> str:
    return ", ".join(
        form if reach is Reach.REACHED else f"{form} ({reach.value})" for form, reach in found.forms
    )


def _read(path: Path) -> list[Filing]:
    try:
        return read_filings(path)
    except (ValidationError, AssertionError, KeyError, tomllib.TOMLDecodeError) as error:
        complain(f"{path}: {error}")
        raise typer.Exit(USAGE) from error
