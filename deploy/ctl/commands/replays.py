"""Sending events to one queue again, at the terminal."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.ctl import replays
from deploy.ctl.commands.options import Event, Json, Queue, Service, Since, Yes
from deploy.ctl.commands.runner import a_queue, guarded, here, one_of, run_long, utc
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
    """Send a queue its events again, from the logs."""
    starts = [utc(since), offset, "first" if everything else None]
    chosen = [start for start in starts if start is not None]
    if len(chosen) != 1:
        sys.stderr.write("Give one of --from, --from-offset, --all.\n")
        raise typer.Exit(USAGE)
    if not dry_run:
        confirm(f"Send logged events to {queue} again?", yes=yes)
    only, target = tuple(event), a_queue(queue)
    work = replays.replay(
        here(), target, start=chosen[0], only=only, service=service, dry_run=dry_run
    )
    count = run_long(work, f"Events are sent to {queue}", as_json=as_json)
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
    Send a queue the events of a service again, from its tables, with their ids.

    Covers every event of purchase, wallet, gift and payout. Some tables keep events only since this
    version (docs/operations/commands.md): of those, older events are not sent.
    """
    one_of(service, replays.OWNERS)
    names = guarded(lambda: replays.republishable(here(), service, a_queue(to)))
    if not names:
        sys.stderr.write(f"{to} receives no events of {service}.\n")
        raise typer.Exit(USAGE)
    confirm(f"Send {to} these events of {service} again: {', '.join(names)}?", yes=yes)
    end = utc(until) or datetime.now(UTC)
    work = replays.republish(here(), service, to, since=since.replace(tzinfo=UTC), until=end)
    count = run_long(work, f"Events are sent to {to}", as_json=as_json)
    say(f"{count} events for {to}.", as_json=as_json, events=count, names=names)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="live")], *, yes: Yes = False, as_json: Json = False
) -> None:
    """Empty live's tables and fill them again from gift and the log."""
    one_of(service, ("live",))
    confirm("Empty all rooms of live, and count their gifts again?", yes=yes)
    work = replays.rebuild_live(here())
    republished, replayed = run_long(work, "live is filled again", as_json=as_json)
    text = f"{republished} events from gift's tables and {replayed} from the log were sent."
    say(text, as_json=as_json, republished=republished, replayed=replayed)
