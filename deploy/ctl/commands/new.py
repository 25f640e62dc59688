"""What developers add to a checkout."""

import subprocess
import sys
from typing import Annotated

import typer

from deploy.ctl import new_service
from deploy.ctl.output import FOUND_WRONG

app = typer.Typer(help="Add to this checkout, from templates.", no_args_is_help=True)


@app.callback()
def add() -> None:
    """Keep `service` a word of its own, though it is the only one."""


@app.command()
def service(name: Annotated[str, typer.Argument(help="Its name, one word: tips")]) -> None:
    """Write a service that counts gifts, register it, and write the generated files."""
    try:
        written, registered = new_service.new_service(name)
    except (new_service.NotMade, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FOUND_WRONG) from None
    sys.stdout.writelines(f"new         {file}\n" for file in written)
    sys.stdout.writelines(f"registered  {file}\n" for file in registered)
    sys.stdout.write("docs/how-to/add-a-service.md says what comes next.\n")
