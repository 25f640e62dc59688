"""Events, at the terminal."""

import sys
from typing import Annotated

import typer

from deploy.ctl import events
from deploy.ctl.commands.options import Event, Json, Since
from deploy.ctl.commands.runner import end, here, one_of, run, utc
from deploy.ctl.output import DONE, console, show, visible
from shared.contracts.routes import SERVICES

app = typer.Typer(
    help="Published events, samples, and a check of your own events.", no_args_is_help=True
)


@app.command()
def tail(
    *,
    event: Event = [],  # noqa: B006 - Typer copies it
    service: Annotated[list[str], typer.Option(help="Only of these.")] = [],  # noqa: B006
    correlation: Annotated[str | None, typer.Option(help="Only with this correlation id.")] = None,
    since: Since = None,
    follow: Annotated[bool, typer.Option(help="Wait for new events.")] = True,
    as_json: Json = False,
) -> None:
    """Print events as they are published."""
    chosen = [one_of(each, SERVICES) for each in service] or SERVICES
    messages = events.tail(
        here(),
        services=chosen,
        only=tuple(event),
        correlation=correlation,
        start=utc(since) or ("next" if follow else "first"),
        follow=follow,
    )

    async def print_all() -> None:
        async for message in messages:
            if as_json:
                sys.stdout.write(message.body.decode(errors="replace") + "\n")
                continue
            subject = message.envelope.get("subject")
            line = f"{message.time} {message.type} {subject} {message.correlation_id}"
            console.print(visible(line), highlight=False)

    try:
        run(print_all())
    except KeyboardInterrupt:
        raise typer.Exit(DONE) from None


@app.command("sample")
def print_samples(
    event: Annotated[str | None, typer.Argument(help="Only this event: gift.sent")] = None,
    *,
    count: Annotated[int, typer.Option(help="How many.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 0,
    as_json: Json = False,
) -> None:
    """Print invented events, one a line, for tests of a consumer."""
    name = None if event is None else one_of(event, events.NAMES)
    lines = [line.decode() for line in events.sample_events(name, count=count, seed=seed)]
    text = f"[{', '.join(lines)}]" if as_json else "\n".join(lines)
    sys.stdout.write(f"{text}\n")


@app.command()
def lint(
    file: Annotated[typer.FileText, typer.Argument(help="Lines of JSON; - for standard input.")],
    *,
    as_json: Json = False,
) -> None:
    """Check events against the contracts."""
    found = events.invalid(file)
    show(found, as_json=as_json, empty="All events are valid.")
    end(not found)
