"""Other teams, at the terminal."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from deploy.ctl import teams
from deploy.ctl.audit import noted
from deploy.ctl.commands.options import Json, Yes
from deploy.ctl.commands.runner import guarded, here, run
from deploy.ctl.output import FOUND_WRONG, USAGE, confirm, say, show
from shared.messaging.teams import MESSAGES_MAX, NotGranted, Team

PASSWORD_FILE_MODE = 0o600

Name = Annotated[str, typer.Argument(help="The team: charts")]

app = typer.Typer(help="Other teams: what each may read, and its queue.", no_args_is_help=True)


@app.command()
def add(
    name: Name,
    reads: Annotated[
        list[str],
        typer.Option(
            help="Events it may read: gift.sent,payout.paid; live: all without anonymous viewers."
        ),
    ],
    *,
    bind: Annotated[
        list[str], typer.Option(help="Of those, only these go to its queue; by default all.")
    ] = [],  # noqa: B006 - Typer copies it
    logs: Annotated[
        list[str], typer.Option(help="Services whose whole log of 30 days it may read.")
    ] = [],  # noqa: B006
    messages_max: Annotated[
        int,
        typer.Option(
            help="How many messages its queue keeps; then the oldest go to its dead letters."
        ),
    ] = MESSAGES_MAX,
    password_file: Annotated[
        Path | None, typer.Option(help="Write a new password there instead of printing it.")
    ] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="Replace it.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Create a team's user, queue and bindings, or change its grants."""
    try:
        team = Team.granted(
            name,
            reads=_each(reads),
            hears=_each(bind),
            logs=_each(logs),
            messages_max=messages_max,
        )
    except NotGranted as refusal:
        sys.stderr.write(f"{refusal}.\n")
        raise typer.Exit(USAGE) from None
    confirm(_question(team), yes=yes)
    if password_file is not None and password_file.exists():
        sys.stderr.write(f"{password_file} is there already; nothing was changed.\n")
        raise typer.Exit(USAGE)
    given = guarded(lambda: teams.give(here(), team, new_password=new_password))
    granted = {"team": team.name, "reads": list(team.reads), "logs": list(team.logs)}
    run(noted(here(), "team.add", **granted, new_password=given.password is not None))
    _tell(given, password_file, as_json=as_json)


@app.command("ls")
def list_teams(*, as_json: Json = False) -> None:
    """List the teams: their events, waiting messages and dead letters."""
    installation = here()
    found = guarded(lambda: teams.teams(installation))
    rows = run(teams.team_rows(installation, found)) if found else []
    show(rows, as_json=as_json, empty="There are no other teams.")


@app.command("rm")
def remove(name: Name, *, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a team's user and its queue, with all its messages."""
    installation = here()
    found = [team for team in guarded(lambda: teams.teams(installation)) if team.name == name]
    if not found:
        say(f"There is no team {name}.", as_json=as_json, removed=None)
        raise typer.Exit(FOUND_WRONG)
    confirm(f"Remove {name}, its queue and all messages in it?", yes=yes)
    guarded(lambda: teams.take_away(installation, found[0]))
    run(noted(installation, "team.rm", team=name))
    say(f"{name} is removed.", as_json=as_json, removed=name)


def _tell(given: teams.Given, password_file: Path | None, *, as_json: bool) -> None:
    """Print the team's grants; a new password is printed only now, or is in its file."""
    team, shown = given.team, given.password
    text = f"{team.user} reads {team.queue}: {', '.join(team.hears)}."
    if team.logs:
        text += f" Logs: {', '.join(team.logs)}."
    if shown is None:
        text += " Its password is the one it had."
    elif password_file is None:
        text += f" Its password, shown only now: {shown}"
    else:
        descriptor = os.open(
            password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PASSWORD_FILE_MODE
        )
        with os.fdopen(descriptor, "w") as file:
            file.write(shown)
        text += f" Its password is in {password_file}."
        shown = None
    facts: dict[str, object] = {
        "user": team.user,
        "queue": team.queue,
        "hears": team.hears,
        "reads": team.reads,
        "logs": team.logs,
    }
    say(text, as_json=as_json, **facts, password=shown)


def _question(team: Team) -> str:
    question = f"Send {team.name} {', '.join(team.hears)}"
    if team.logs:
        question += f", and let it read all events of {', '.join(team.logs)}"
    return f"{question}?"


def _each(given: Iterable[str]) -> list[str]:
    """Split an option that was given several times, or once with commas."""
    return [part for each in given for part in each.split(",") if part]
