"""Commands for a whole installation: a new version, backups, new secrets."""

import asyncio
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.config.secret_files import (
    forget_before,
    keeps_the_one_before,
    rotate_secret,
    secret_names,
    service_of,
    store_provider_secret,
)
from deploy.config.services import DATABASES, PAYING, ROLLED
from deploy.ctl import backups
from deploy.ctl.commands.options import Json, Yes
from deploy.ctl.installation import SECRETS, Installation
from deploy.ctl.output import FOUND_WRONG, USAGE, confirm, say, working
from deploy.ctl.report import Report
from deploy.ctl.roll import ROOT, Compose, ComposeFailed
from deploy.ctl.roll import roll as roll_services
from shared.secrets import VALUES_MAX
from shared.vendors.installations import providers_folder

USERS_FILE = ROOT / "deploy" / "rabbitmq" / "20-users.json"

app = typer.Typer(no_args_is_help=True)


@app.command()
def roll(
    services: Annotated[list[str] | None, typer.Argument(help=", ".join(ROLLED))] = None,
    *,
    folder: Annotated[Path, typer.Option(help="Where docker-compose.yml is.")] = ROOT,
    project: Annotated[str | None, typer.Option(help="Compose's project name.")] = None,
    file: Annotated[list[str] | None, typer.Option("--file", "-f", help="An overlay.")] = None,
    as_json: Json = False,
) -> None:
    """Replace every instance in Docker Compose, service by service, without downtime."""
    report = Report(as_json=as_json)
    try:
        compose = Compose(folder, project, tuple(file or ()))
        with working("Instances are replaced", as_json=as_json):
            for service, count in roll_services(compose, services or ROLLED):
                report.item(f"{service}: {count} replaced", service=service, replaced=count)
    except (ComposeFailed, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FOUND_WRONG) from error
    report.end()


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="A file of deploy/secrets: wallet_broker_password")],
    *,
    given: Annotated[bool, typer.Option("--given", help="Read it from standard input.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the previous value.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """
    Write a new secret, above the one it replaces where both are good for a while.

    docs/operations/runbooks/key-rotation.md says what comes next.
    """
    folder = _folder_of(name)
    if forget:
        confirm(
            f"Does every service have the newest {name}? The previous value is removed.", yes=yes
        )
        forgotten = forget_before(name, folder)
        said = f"{name} has one value{' now' if forgotten else ', as before'}."
        say(said, as_json=as_json, name=name, is_new=False, keeps_before=False)
        return
    text = sys.stdin.readline().strip() if given else None
    if given and not text:
        sys.stderr.write("Standard input has no secret in its first line.\n")
        raise typer.Exit(USAGE)
    is_of_provider = folder != SECRETS
    if is_of_provider and not given:
        sys.stderr.write(f"{name} is a provider's: get the new one there, and add --given.\n")
        raise typer.Exit(USAGE)
    kept = is_of_provider or keeps_the_one_before(name)
    warning = "The one before stays good" if kept else "What it opens has to be told at once"
    confirm(f"Replace {name}? {warning}.", yes=yes or given)
    if is_of_provider and text:
        store_provider_secret(SECRETS, name, text, keeps_before=True)
    else:
        rotate_secret(name, SECRETS, USERS_FILE, given=text)
    said = f"{name} is new{'; the one before stays in the next line' if kept else ''}."
    say(said, as_json=as_json, name=name, is_new=True, keeps_before=kept)


@app.command()
def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="A new folder; by default named by the time.")
    ] = None,
    *,
    service: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    as_json: Json = False,
) -> None:
    """Copy every service's database, all at one moment."""
    place = folder or Path(f"backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    report, installation = Report(as_json=as_json), Installation.from_environment()

    def tell(name: str, size_bytes: int) -> None:
        report.item(f"{name}: {size_bytes:,} bytes", service=name, size_bytes=size_bytes)

    with working("Databases are copied", as_json=as_json):
        _finish(backups.back_up(installation, place, service or DATABASES, tell=tell))
    report.fact(f"All of it is in {place}.", folder=place)
    report.end()


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    service: Annotated[list[str], typer.Argument(help=", ".join(DATABASES))],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Restore databases from their copies; stop their services first."""
    confirm(f"Replace everything in {', '.join(service)} by {folder}?", yes=yes)
    report = Report(as_json=as_json)
    for each in service:
        with working(f"{each} is restored", as_json=as_json):
            _finish(backups.restore(Installation.from_environment(), folder, each))
        report.item(f"{each} is as it was.", service=each)
    report.end()


def _folder_of(name: str) -> Path:
    """Return where a secret is; refuse one that is not there, or is no line of text."""
    known, service = secret_names(), service_of(name)
    if name in known and (SECRETS / name).exists():
        return SECRETS
    given = SECRETS / providers_folder(service)
    path = given / name
    if service not in PAYING or path.parent != given or not path.is_file():
        sys.stderr.write(f"{name} is none of {', '.join(known)} in {SECRETS}, nor in {given}.\n")
        raise typer.Exit(USAGE)
    if len(path.read_text().splitlines()) > VALUES_MAX:
        sys.stderr.write(f"{name} has more than a line for each value: replace the file itself.\n")
        raise typer.Exit(USAGE)
    return given


def _finish(work: Coroutine[object, object, None]) -> None:
    try:
        asyncio.run(work)
    except (backups.BackupFailed, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FOUND_WRONG) from error
