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
            help="Events it may have: gift.sent,payout.paid; live: what names no anonymous giver."
        ),
    ],
    *,
    bind: Annotated[
        list[str], typer.Option(help="Only these of them come to its queue; all if not given.")
    ] = [],  # noqa: B006 - Typer copies it
    logs: Annotated[
        list[str], typer.Option(help="Services of which it may read everything, 30 days back.")
    ] = [],  # noqa: B006
    messages_max: Annotated[
        int, typer.Option(help="The most its queue keeps; then its oldest messages leave.")
    ] = MESSAGES_MAX,
    password_file: Annotated[
        Path | None, typer.Option(help="Write a new password there instead of printing it.")
    ] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="Replace it.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a team's user, queue and bindings; again, to change what it is granted."""
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
    """List the teams: what they hear, how much waits, and what left their queues unread."""
    installation = here()
    found = guarded(lambda: teams.teams(installation))
    rows = run(teams.standing(installation, found)) if found else []
    show(rows, as_json=as_json, empty="There are no other teams.")


@app.command("rm")
def remove(name: Name, *, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a team's user and its queue, with everything that waits in it."""
    installation = here()
    found = [team for team in guarded(lambda: teams.teams(installation)) if team.name == name]
    if not found:
        say(f"There is no team {name}.", as_json=as_json, removed=None)
        raise typer.Exit(FOUND_WRONG)
    confirm(f"Remove {name}, its queue and all that waits in it?", yes=yes)
    guarded(lambda: teams.take_away(installation, found[0]))
    run(noted(installation, "team.rm", team=name))
    say(f"{name} is removed.", as_json=as_json, removed=name)


def _tell(given: teams.Given, password_file: Path | None, *, as_json: bool) -> None:
    """Say what the team has now; a new password is shown this once, or is in its file."""
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
    question = f"Let {team.name} hear {', '.join(team.hears)}"
    if team.logs:
        question += f", and read everything {', '.join(team.logs)} announced and will announce"
    return f"{question}?"


def _each(given: Iterable[str]) -> list[str]:
    """Take an option that was said several times, or once with commas."""
    return [part for each in given for part in each.split(",") if part]
