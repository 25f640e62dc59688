"""Giving a queue what it heard before, at the terminal."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.ctl import replays
from deploy.ctl.commands.options import Event, Json, Queue, Service, Since, Yes
from deploy.ctl.commands.runner import a_queue, guarded, here, one_of, run, utc
from deploy.ctl.output import USAGE, confirm, say

app = typer.Typer()


@app.command()
def replay(
    queue: Queue,
    *,
    since: Since = None,
    offset: Annotated[int | None, typer.Option("--from-offset")] = None,
    everything: Annotated[bool, typer.Option("--all", help="From the beginning.")] = False,
    service: Annotated[str | None, typer.Option(help="Only this service's log.")] = None,
    event: Event = [],  # noqa: B006 - Typer copies it
    dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give a queue again what the logs hold of its events."""
    starts = [utc(since), offset, "first" if everything else None]
    chosen = [start for start in starts if start is not None]
    if len(chosen) != 1:
        sys.stderr.write("Say one of --from, --from-offset, --all.\n")
        raise typer.Exit(USAGE)
    if not dry_run:
        confirm(f"Send logged events to {queue} again?", yes=yes)
    only, target = tuple(event), a_queue(queue)
    work = replays.replay(
        here(), target, start=chosen[0], only=only, service=service, dry_run=dry_run
    )
    count = run(work)
    say(f"{count} events for {queue}.", as_json=as_json, events=count, dry_run=dry_run)


@app.command()
def republish(
    service: Service,
    to: Annotated[str, typer.Option(help="A work queue: live.gifts")],
    since: Annotated[datetime, typer.Option("--from", help="From this time on (UTC).")],
    *,
    until: Annotated[datetime | None, typer.Option(help="Until this time (UTC).")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """
    Give a queue what a service's own tables say it announced, under the ids it had.

    Covers every event of purchase, wallet, gift and payout. Of what those tables began to remember
    only with this version (docs/operations/commands.md), nothing older is there to be said.
    """
    one_of(service, replays.OWNERS)
    names = guarded(lambda: replays.said_again_to(here(), a_queue(to), service))
    if not names:
        sys.stderr.write(f"{to} hears nothing of {service}.\n")
        raise typer.Exit(USAGE)
    confirm(f"Send {to} again what {service} said: {', '.join(names)}?", yes=yes)
    end = utc(until) or datetime.now(UTC)
    work = replays.republish(here(), service, to, since=since.replace(tzinfo=UTC), until=end)
    count = run(work)
    say(f"{count} events for {to}.", as_json=as_json, events=count, names=names)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="live")], *, yes: Yes = False, as_json: Json = False
) -> None:
    """Empty live's tables and fill them again from gift and the log."""
    one_of(service, ("live",))
    confirm("Empty all rooms of live, and count their gifts again?", yes=yes)
    told, logged = run(replays.rebuild_live(here()))
    text = f"{told} events from gift's tables and {logged} from the log are on their way."
    say(text, as_json=as_json, republished=told, replayed=logged)
