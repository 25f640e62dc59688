"""Events for teams that have no broker, at the terminal."""

import sys
from typing import Annotated

import typer

from deploy.ctl import hooks
from deploy.ctl.commands.options import Json, Yes
from deploy.ctl.commands.runner import guarded, here, run
from deploy.ctl.output import FOUND_WRONG, USAGE, confirm, say, show
from shared.messaging.teams import NotGranted, Team

Name = Annotated[str, typer.Argument(help="The team: charts. It is the `sub` of its tokens.")]

app = typer.Typer(
    help="Events that are posted to teams without a broker: who may have which.",
    no_args_is_help=True,
)


@app.command()
def grant(
    name: Name,
    reads: Annotated[
        list[str],
        typer.Option(
            help="Events it may have: gift.sent,payout.paid; live: all without anonymous viewers."
        ),
    ],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a team have these events, and no others, at endpoints that it adds by itself."""
    wanted = [part for each in reads for part in each.split(",") if part]
    try:
        team = Team.granted(name, reads=wanted)
    except NotGranted as refusal:
        sys.stderr.write(f"{refusal}.\n")
        raise typer.Exit(USAGE) from None
    confirm(f"Let {team.name} have {', '.join(team.reads)}?", yes=yes)
    run(hooks.grant(here(), team))
    text = f"{team.name} may have {', '.join(team.reads)}."
    say(text, as_json=as_json, team=team.name, events=team.reads)


@app.command()
def revoke(name: Name, *, yes: Yes = False, as_json: Json = False) -> None:
    """Let a team have nothing any more: what waits for its endpoints is cancelled."""
    confirm(f"Let {name} have no event any more?", yes=yes)
    if not run(hooks.revoke(here(), name)):
        say(f"{name} was granted nothing.", as_json=as_json, revoked=None)
        raise typer.Exit(FOUND_WRONG)
    say(f"{name} may have nothing any more.", as_json=as_json, revoked=name)


@app.command("ls")
def list_teams(*, as_json: Json = False) -> None:
    """List the teams: their events and endpoints, what waits for these and what failed."""
    rows = run(hooks.team_rows(here()))
    show(rows, as_json=as_json, empty="No team was granted anything.")


@app.command()
def bind(*, as_json: Json = False) -> None:
    """Bind what was granted once more: after the broker was replaced."""
    installation = here()
    events = run(hooks.granted_events(installation))
    guarded(lambda: hooks.bind(installation, events))
    say(f"{len(events)} events are bound.", as_json=as_json, events=events)
