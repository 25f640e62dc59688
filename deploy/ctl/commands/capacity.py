"""The capacity model, at the terminal."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deploy.capacity import RATES, Costs, DoubtfulFigures, machines, tables, walls
from deploy.ctl.commands.options import Json
from deploy.ctl.output import USAGE, complain

app = typer.Typer()


@app.command()
def capacity(
    *,
    results: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="What `make bench` counted: .bench/results.json."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how many machines 1,000 to 1,000,000 gifts/s need, and what is full first."""
    costs = Costs.checked_in()
    try:
        costs = costs.measured(results) if results else costs
    except (DoubtfulFigures, KeyError, ValueError) as error:
        complain(f"No model from {results}: {error}")
        raise typer.Exit(USAGE) from error
    if not as_json:
        sys.stdout.write(tables(costs))
        return
    document = {
        "machines": [asdict(machines(costs, rate)) for rate in RATES],
        "walls": [asdict(wall) for wall in walls(costs)],
    }
    sys.stdout.write(json.dumps(document) + "\n")
