"""The broker's queues and bindings, at the terminal."""

from typing import Annotated

import typer

from deploy.ctl import topology
from deploy.ctl.audit import noted
from deploy.ctl.commands.options import Json, Yes
from deploy.ctl.commands.runner import end, guarded, here, run
from deploy.ctl.contracts import write_contracts
from deploy.ctl.output import confirm, show

app = typer.Typer(help="The broker's queues and bindings.", no_args_is_help=True)


@app.command("write")
def write_topology() -> None:
    """Write the document that the broker imports."""
    write_contracts(only="topology")


@app.command("check")
def check_topology(*, as_json: Json = False) -> None:
    """Compare the broker with what the services need."""
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
