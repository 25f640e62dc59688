"""The broker's queues and bindings, at the terminal."""

import asyncio
from typing import Annotated

import typer

from deploy.ctl import partitions, topology
from deploy.ctl.audit import noted, recorded
from deploy.ctl.commands.options import Json, Queue, Yes
from deploy.ctl.commands.runner import a_queue, end, guarded, here, run
from deploy.ctl.contracts import write_contracts
from deploy.ctl.output import USAGE, complain, confirm, say, show, working

app = typer.Typer(help="The broker's queues and bindings.", no_args_is_help=True)


@app.command("write")
def write_topology(*, as_json: Json = False) -> None:
    """Write the document that the broker imports."""
    write_contracts(only="topology")
    say("The topology is written.", as_json=as_json, written="topology")


@app.command("check")
def check_topology(*, as_json: Json = False) -> None:
    """Compare the broker with what the services need."""
    with working("The broker is compared", as_json=as_json):
        found = guarded(lambda: topology.differences(here()))
    show(found, as_json=as_json, empty="The broker has what the services need.")
    end(not found)


@app.command("apply")
def apply_topology(
    *,
    both_versions: Annotated[
        bool,
        typer.Option("--both-versions", help="The version before still runs and publishes."),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Create missing items; a queue with other arguments has to be replaced by hand."""
    confirm("Declare what is missing on the broker?", yes=yes)
    left = guarded(lambda: topology.apply(here(), both_versions=both_versions))
    run(noted(here(), "topology.apply", both_versions=both_versions, left=len(left)))
    show(left, as_json=as_json, empty="The broker has what the services need.")
    end(not left)


async def _move(queue: str) -> None:
    async with recorded(here(), "topology.move", queue=queue):
        await asyncio.to_thread(partitions.move, here(), queue)


@app.command("move")
def move_queue(queue: Queue, *, yes: Yes = False, as_json: Json = False) -> None:
    """Bring a queue to the number of partitions that OVATION_QUEUE_PARTITIONS names last."""
    confirm(f"Cut off, empty and delete the earlier queues of {queue}?", yes=yes)
    a_queue(queue)
    try:
        run(_move(queue))
    except partitions.NothingToMove as error:
        complain(str(error))
        raise typer.Exit(USAGE) from None
    say(
        f"{queue} has the number of partitions that was named last.",
        as_json=as_json,
        queue=queue,
    )
