"""Files of an installation, and files that are generated."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.config.secret_files import write_secrets
from deploy.ctl.contracts import publish, review, stale_files, write_contracts
from deploy.ctl.output import FOUND_WRONG

DEPLOY = Path(__file__).parent.parent.parent

app = typer.Typer()


@app.command()
def secrets() -> None:
    """Make the missing secrets."""
    made = write_secrets(DEPLOY / "secrets", DEPLOY / "rabbitmq" / "20-users.json")
    sys.stdout.write(f"{len(made)} secrets made in {DEPLOY / 'secrets'}; the rest is kept.\n")


@app.command()
def contracts(*, check: Annotated[bool, typer.Option(help="Only compare.")] = False) -> None:
    """Write what is generated: topology, gateway, API, and what is new about the events."""
    found = review()
    sys.stderr.writelines(f"{each}\n" for each in found.faults)
    if found.faults:
        raise typer.Exit(FOUND_WRONG)
    if not check:
        sys.stdout.writelines(f"{version} is published.\n" for version in publish())
        write_contracts()
        return
    sys.stdout.writelines(f"{note}\n" for note in found.notes)
    if stale := stale_files():
        sys.stderr.write(f"Not as generated, run `make contracts`: {', '.join(stale)}\n")
        raise typer.Exit(FOUND_WRONG)
