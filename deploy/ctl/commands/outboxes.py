"""Outboxes, at the terminal."""

import json
from typing import Annotated
from uuid import UUID

import typer

from deploy.ctl import outboxes
from deploy.ctl.commands.options import Json, Service, Yes
from deploy.ctl.commands.runner import here, one_of, run
from deploy.ctl.output import DONE, FOUND_WRONG, confirm, say, show
from shared.contracts.routes import SERVICES

app = typer.Typer(help="Messages that wait in a service's outbox.", no_args_is_help=True)


@app.command("ls")
def list_outboxes(
    service: Annotated[str | None, typer.Argument()] = None, *, as_json: Json = False
) -> None:
    """List the waiting messages of each service, and its blocked keys."""
    chosen = SERVICES if service is None else (one_of(service, SERVICES),)
    rows = [row for each in chosen for row in run(outboxes.waiting(here(), each))]
    show(rows, as_json=as_json, empty="No messages wait.")


@app.command()
def unpark(
    service: Service,
    key: Annotated[str, typer.Option(help="As `outbox ls` shows it.")],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Publish a blocked key's messages again."""
    confirm(f"Publish the waiting messages of {key} of {service}?", yes=yes)
    count = run(outboxes.unpark(here(), one_of(service, SERVICES), key))
    say(f"{count} messages will be published.", as_json=as_json, messages=count)
    raise typer.Exit(DONE if count else FOUND_WRONG)


@app.command("drop")
def drop_blocking(
    service: Service,
    message_id: Annotated[UUID, typer.Option(help="The message that blocks its key.")],
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a message that the broker refuses, and print it: no copy stays."""
    confirm(f"Delete {message_id} from the outbox of {service}?", yes=yes)
    dropped = run(outboxes.drop(here(), one_of(service, SERVICES), message_id))
    if dropped is None:
        say("No such message blocks a key.", as_json=as_json, message_id=None)
        raise typer.Exit(FOUND_WRONG)
    say(json.dumps(dropped, default=str), as_json=as_json, **dropped)
