"""What developers add to a checkout."""

import subprocess
from typing import Annotated

import typer

from deploy.ctl import new_service
from deploy.ctl.commands.options import Json
from deploy.ctl.output import FOUND_WRONG, complain, working
from deploy.ctl.report import Report

app = typer.Typer(help="Add to this checkout, from templates.", no_args_is_help=True)


@app.callback()
def add() -> None:
    """Keep `service` a word of its own, though it is the only one."""


@app.command()
def service(
    name: Annotated[str, typer.Argument(help="Its name, one word: tips")], *, as_json: Json = False
) -> None:
    """Write a service that counts gifts, register it, and write the generated files."""
    try:
        with working("The service is written", as_json=as_json):
            written, registered = new_service.new_service(name)
    except (new_service.NotMade, subprocess.CalledProcessError) as error:
        complain(str(error))
        raise typer.Exit(FOUND_WRONG) from None
    report = Report(as_json=as_json)
    for file in written:
        report.item(f"new         {file}", file=file, is_new=True)
    for file in registered:
        report.item(f"registered  {file}", file=file, is_new=False)
    report.fact("docs/how-to/add-a-service.md says what comes next.", service=name)
    report.end()
