"""
The operator's commands: `python -m deploy.ctl --help`.

Exit codes: 0 done; 1 something is wrong, or what was asked for is not there; 2 not a command, or
nobody to confirm it; 3 a server cannot be reached. What changes something asks first, or takes
`--yes`. `--json` prints one document for a program.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import asyncpg
import httpx
import typer
from aiormq.exceptions import AMQPError
from prometheus_client import start_http_server

from deploy.ctl import broker, events, letters, operations, outboxes, proofs, replaying
from deploy.ctl.contracts import stale_files, write_contracts
from deploy.ctl.output import DONE, FOUND_WRONG, UNREACHABLE, USAGE, confirm, console, say, show
from deploy.ctl.places import Places
from deploy.ctl.secret_files import write_secrets
from shared.contracts.routes import QUEUES, SERVICES

DEPLOY = Path(__file__).parent.parent
LEDGERS = ("wallet", "payout")

Answer = TypeVar("Answer")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Queue = Annotated[str, typer.Option("--queue", help="A work queue: wallet.gifts")]
Type = Annotated[str | None, typer.Option("--type", help="Only of this type, or a part of it.")]
Id = Annotated[str | None, typer.Option("--id", help="Only this message or event.")]
Max = Annotated[int, typer.Option("--max", help="At most so many.")]
Event = Annotated[list[str], typer.Option("--event", help="Only these events: gift.sent")]
Since = Annotated[datetime | None, typer.Option("--from", help="From this time on (UTC).")]
Service = Annotated[str, typer.Argument(help=", ".join(SERVICES))]

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
dlq = typer.Typer(help="Dead letters: what a service could not handle.", no_args_is_help=True)
outbox = typer.Typer(help="What waits to leave a service.", no_args_is_help=True)
topology = typer.Typer(help="The broker's queues and bindings.", no_args_is_help=True)
seal = typer.Typer(help="The chain over a ledger's history.", no_args_is_help=True)
event_app = typer.Typer(help="Events as they pass, and as they should be.", no_args_is_help=True)
for name, group in (
    *(("dlq", dlq), ("outbox", outbox), ("topology", topology)),
    *(("seal", seal), ("events", event_app)),
):
    app.add_typer(group, name=name)
app.add_typer(operations.app)


@app.command()
def secrets() -> None:
    """Make the secrets that are missing."""
    made = write_secrets(DEPLOY / "secrets", DEPLOY / "rabbitmq" / "20-users.json")
    sys.stdout.write(f"{len(made)} secrets made in {DEPLOY / 'secrets'}; the rest is kept.\n")


@app.command()
def contracts(*, check: Annotated[bool, typer.Option(help="Only compare.")] = False) -> None:
    """Write what is generated: topology, gateway, API."""
    if not check:
        write_contracts()
    elif stale := stale_files():
        sys.stderr.write(f"Not as generated, run `make contracts`: {', '.join(stale)}\n")
        raise typer.Exit(FOUND_WRONG)


@app.command()
def verify(service: Service) -> None:
    """Derive a ledger again from its postings."""
    _end(_run(proofs.verify(_places(), _one_of(service, LEDGERS))))


@seal.command("verify")
def verify_seals(service: Service) -> None:
    """Recompute the chain over a ledger's history."""
    _end(_run(proofs.verify_seals(_places(), _one_of(service, LEDGERS))))


@app.command()
def reconcile(
    *,
    hours: Annotated[int, typer.Option(help="How far back; 0 for all.")] = 48,
    every_seconds: Annotated[float | None, typer.Option(help="Again and again.")] = None,
    metrics_port: Annotated[int, typer.Option(help="Where metrics are, if again.")] = 8000,
) -> None:
    """Compare the services with each other."""
    if every_seconds is None:
        _end(_run(proofs.compare(_places(), hours=hours)))
    else:
        start_http_server(metrics_port)
        _run(_reconcile_always(hours, every_seconds))


@dlq.command("ls")
def list_letters(*, as_json: Json = False) -> None:
    """List which queues have dead letters, and for what reasons."""
    show(_run(letters.count(_places())), as_json=as_json, empty="There are no dead letters.")


@dlq.command("show")
def show_letters(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 20,
    as_json: Json = False,
) -> None:
    """Show letters with their reasons; they stay where they are."""
    wanted = letters.Wanted(_one_of(queue, QUEUES), only_type, only_id, count_max)
    found = _run(_listed(letters.look(_places(), wanted)))
    if as_json:
        show(found, as_json=True, empty="")
    for letter in () if as_json else found:
        console.print_json(data=letter, default=str)
    if not found and only_id is not None:
        raise typer.Exit(FOUND_WRONG)


@dlq.command()
def redrive(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 1_000_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send letters to their queue again."""
    wanted = letters.Wanted(_one_of(queue, QUEUES), only_type, only_id, count_max)
    confirm(f"Send dead letters of {queue} to it again?", yes=yes)
    count = _run(letters.redrive(_places(), wanted))
    say(f"{count} sent to {queue} again.", as_json=as_json, redriven=count)
    raise typer.Exit(DONE if count or only_id is None else FOUND_WRONG)


@dlq.command("drop")
def drop_letters(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 1_000_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Forget letters for good."""
    wanted = letters.Wanted(_one_of(queue, QUEUES), only_type, only_id, count_max)
    confirm(f"Forget dead letters of {queue} for good?", yes=yes)
    count = _run(letters.drop(_places(), wanted))
    say(f"{count} forgotten.", as_json=as_json, dropped=count)
    raise typer.Exit(DONE if count or only_id is None else FOUND_WRONG)


@outbox.command("ls")
def list_outboxes(
    service: Annotated[str | None, typer.Argument()] = None, *, as_json: Json = False
) -> None:
    """List how much waits, since when, and which keys are blocked."""
    chosen = SERVICES if service is None else (_one_of(service, SERVICES),)
    rows = [row for each in chosen for row in _run(outboxes.waiting(_places(), each))]
    show(rows, as_json=as_json, empty="Nothing waits.")


@outbox.command()
def unpark(
    service: Service,
    key: Annotated[str, typer.Option(help="As `outbox ls` shows it.")],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a blocked key be tried again."""
    confirm(f"Publish what waits behind {key} of {service}?", yes=yes)
    count = _run(outboxes.unpark(_places(), _one_of(service, SERVICES), key))
    say(f"{count} messages may go on.", as_json=as_json, messages=count)
    raise typer.Exit(DONE if count else FOUND_WRONG)


@outbox.command("drop")
def drop_blocking(
    service: Service,
    message_id: Annotated[UUID, typer.Option(help="The message that blocks its key.")],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a message the broker will not take; it is printed, for it is gone then."""
    confirm(f"Delete {message_id} from the outbox of {service}?", yes=yes)
    dropped = _run(outboxes.drop(_places(), _one_of(service, SERVICES), message_id))
    if dropped is None:
        say("No such message blocks a key.", as_json=as_json, message_id=None)
        raise typer.Exit(FOUND_WRONG)
    say(json.dumps(dropped, default=str), as_json=as_json, **dropped)


@topology.command("write")
def write_topology() -> None:
    """Write the document that the broker imports."""
    write_contracts(only="topology")


@topology.command("check")
def check_topology(*, as_json: Json = False) -> None:
    """Compare the broker with what the services need."""
    found = _guarded(lambda: broker.differences(_places()))
    show(found, as_json=as_json, empty="The broker has what it should have.")
    _end(not found)


@topology.command("apply")
def apply_topology(*, yes: Yes = False, as_json: Json = False) -> None:
    """Make what is missing; what is different can only be replaced by hand."""
    confirm("Declare what is missing on the broker?", yes=yes)
    left = _guarded(lambda: broker.apply(_places()))
    show(left, as_json=as_json, empty="The broker has what it should have.")
    _end(not left)


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
    starts = [_utc(since), offset, "first" if everything else None]
    chosen = [start for start in starts if start is not None]
    if len(chosen) != 1:
        sys.stderr.write("Say one of --from, --from-offset, --all.\n")
        raise typer.Exit(USAGE)
    if not dry_run:
        confirm(f"Send logged events to {queue} again?", yes=yes)
    only, target = tuple(event), _one_of(queue, QUEUES)
    work = replaying.replay(
        _places(), target, start=chosen[0], only=only, service=service, dry_run=dry_run
    )
    count = _run(work)
    say(f"{count} events for {queue}.", as_json=as_json, events=count, dry_run=dry_run)


@app.command()
def reannounce(
    service: Service,
    to: Annotated[str, typer.Option(help="A work queue: live.gifts")],
    since: Annotated[datetime, typer.Option("--from", help="From this time on (UTC).")],
    *,
    until: Annotated[datetime | None, typer.Option(help="Until this time (UTC).")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give a queue what a service's own tables say it announced."""
    confirm(f"Send what {service} announced to {to} again?", yes=yes)
    _one_of(service, replaying.OWNERS)
    end = _utc(until) or datetime.now(UTC)
    work = replaying.reannounce(
        _places(), service, _one_of(to, QUEUES), since=since.replace(tzinfo=UTC), until=end
    )
    count = _run(work)
    say(f"{count} events for {to}.", as_json=as_json, events=count)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="live")], *, yes: Yes = False, as_json: Json = False
) -> None:
    """Empty live's tables and fill them again from gift and the log; restart live afterwards."""
    _one_of(service, ("live",))
    confirm("Empty all rooms of live, and count their gifts again?", yes=yes)
    told, logged = _run(replaying.rebuild_live(_places()))
    text = f"{told} events from gift's tables and {logged} from the log are on their way."
    say(text, as_json=as_json, reannounced=told, replayed=logged)


@event_app.command()
def tail(
    *,
    event: Event = [],  # noqa: B006 - Typer copies it
    service: Annotated[list[str], typer.Option(help="Only of these.")] = [],  # noqa: B006
    correlation: Annotated[str | None, typer.Option(help="Only of this story.")] = None,
    since: Since = None,
    follow: Annotated[bool, typer.Option(help="Wait for what comes.")] = True,
    as_json: Json = False,
) -> None:
    """Print events as they are announced."""
    chosen = [_one_of(each, SERVICES) for each in service] or SERVICES
    messages = events.tail(
        _places(),
        services=chosen,
        only=tuple(event),
        correlation=correlation,
        start=_utc(since) or ("next" if follow else "first"),
        follow=follow,
    )

    async def print_all() -> None:
        async for message in messages:
            if as_json:
                sys.stdout.write(message.body.decode() + "\n")
                continue
            told = message.envelope
            line = f"{told['time']} {message.type} {told['subject']} {message.correlation_id}"
            console.print(line, markup=False, highlight=False)

    try:
        _run(print_all())
    except KeyboardInterrupt:
        raise typer.Exit(DONE) from None


@event_app.command()
def lint(
    file: Annotated[typer.FileText, typer.Argument(help="Lines of JSON; - for standard input.")],
    *,
    as_json: Json = False,
) -> None:
    """Check somebody's events against the contracts."""
    found = events.faults(file)
    show(found, as_json=as_json, empty="All of them are as they should be.")
    _end(not found)


async def _reconcile_always(hours: int, every_seconds: float) -> None:
    places = _places()
    while True:
        await proofs.compare_and_report(places, hours=hours)
        await asyncio.sleep(every_seconds)


async def _listed(items: Any) -> list[Any]:
    return [item async for item in items]


def _places() -> Places:
    return Places.from_environment()


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    return _guarded(lambda: asyncio.run(work))


def _guarded(work: Callable[[], Answer]) -> Answer:
    """Do the work; a server that is away is an outcome of its own."""
    try:
        return work()
    except (
        *(OSError, AMQPError, asyncpg.PostgresError, asyncpg.InterfaceError),
        *(httpx.HTTPError, TimeoutError),
    ) as error:
        sys.stderr.write(f"A server does not answer as it should: {error!r}\n")
        raise typer.Exit(UNREACHABLE) from error


def _one_of(given: str, known: Any) -> str:
    if given not in known:
        sys.stderr.write(f"{given} is none of {', '.join(known)}.\n")
        raise typer.Exit(USAGE)
    return given


def _end(good: bool) -> None:
    raise typer.Exit(DONE if good else FOUND_WRONG)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)


if __name__ == "__main__":
    app()
