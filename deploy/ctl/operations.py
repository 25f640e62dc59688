"""The operator's commands for an installation as a whole: a new version, copies, new secrets."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.ctl.output import FOUND_WRONG
from deploy.ctl.rolling import ROLLED, ROOT, Compose, ComposeFailed
from deploy.ctl.rolling import roll as roll_services

app = typer.Typer(no_args_is_help=True)


@app.command()
def roll(
    services: Annotated[list[str] | None, typer.Argument(help=", ".join(ROLLED))] = None,
    *,
    folder: Annotated[Path, typer.Option(help="Where docker-compose.yml is.")] = ROOT,
    project: Annotated[str | None, typer.Option(help="Compose's project name.")] = None,
    file: Annotated[list[str] | None, typer.Option("--file", help="An overlay.")] = None,
) -> None:
    """Replace every instance in Docker Compose, one service after another, without a pause."""
    compose = Compose(folder, project, tuple(file or ()))
    try:
        roll_services(compose, services or ROLLED, tell=typer.echo)
    except ComposeFailed as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FOUND_WRONG) from error
