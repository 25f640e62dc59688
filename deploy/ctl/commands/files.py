"""Files of an installation, and files that are generated."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.config.secret_files import write_secrets
from deploy.ctl.commands.options import Json
from deploy.ctl.contracts import (
    api_breaks,
    publish,
    release_api,
    review,
    stale_files,
    undescribed_fields,
    write_contracts,
)
from deploy.ctl.output import FOUND_WRONG, complain, say
from deploy.ctl.report import Report

DEPLOY = Path(__file__).parent.parent.parent

app = typer.Typer()


@app.command()
def secrets(*, as_json: Json = False) -> None:
    """Make the missing secrets."""
    folder = DEPLOY / "secrets"
    made = write_secrets(folder, DEPLOY / "rabbitmq" / "20-users.json")
    text = f"{len(made)} secrets made in {folder}; the rest is kept."
    # Their names; no secret is printed.
    say(text, as_json=as_json, folder=folder, made=made)


@app.command()
def contracts(
    *,
    check: Annotated[bool, typer.Option(help="Only compare.")] = False,
    release: Annotated[
        bool, typer.Option(help="Take the API as it is for what clients rely on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write what is generated: topology, gateway, API, and what is new about the events."""
    found = review()
    broken = [*map(str, found.faults), *([] if release else api_breaks())]
    for text in broken:
        complain(text)
    report = Report(as_json=as_json, facts={"broken": broken, "stale": []})
    if broken:
        report.end()
        raise typer.Exit(FOUND_WRONG)
    if not check:
        _write(report, release=release)
        return
    for note in found.notes:
        report.item(str(note), note=str(note))
    if stale := stale_files():
        complain(f"Not as generated, run `make contracts`: {', '.join(stale)}")
        report.facts["stale"] = stale
    undescribed = undescribed_fields()
    for each in undescribed:
        complain(f"The API: {each}.")
    report.facts["undescribed"] = undescribed
    report.end()
    if stale or undescribed:
        raise typer.Exit(FOUND_WRONG)


def _write(report: Report, *, release: bool) -> None:
    for version in publish():
        report.item(f"{version} is published.", published=str(version))
    write_contracts()
    if release:
        release_api()
    report.end()
