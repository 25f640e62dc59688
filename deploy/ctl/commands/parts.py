"""Parts and the nodes that have them, at the terminal."""

from collections.abc import Awaitable, Sequence
from typing import Annotated

import typer

from deploy.config.services import PARTED
from deploy.ctl import parts
from deploy.ctl.commands.options import Json, Service, Yes
from deploy.ctl.commands.runner import end, here, one_of, run
from deploy.ctl.output import FOUND_WRONG, complain, confirm, show, tell
from deploy.ctl.parts import CannotPlace

app = typer.Typer(help="The parts of a service's users, and where they are.", no_args_is_help=True)
Run = Annotated[bool, typer.Option("--run", help="Run the statements, do not only print them.")]


@app.command("ls")
def list_parts(service: Service, *, as_json: Json = False) -> None:
    """List the parts of a service, their nodes and their sizes."""
    rows = run(_list(one_of(service, PARTED)))
    show(rows, as_json=as_json, empty="All users are in one part.")


@app.command()
def place(service: Service, *, run_them: Run = False, yes: Yes = False) -> None:
    """Distribute the parts over Citus' nodes, and set the roles on every node."""
    _do(run(_placing(one_of(service, PARTED))), service, run_them=run_them, yes=yes)


@app.command()
def move(
    service: Service,
    part: Annotated[int, typer.Argument(help="Its number: 3")],
    to: Annotated[str, typer.Option(help="A node of Citus: host:port")],
    *,
    run_them: Run = False,
    yes: Yes = False,
) -> None:
    """Move a part to another node while it is used."""
    _do(run(_moving(one_of(service, PARTED), part, to)), service, run_them=run_them, yes=yes)


@app.command()
def check(service: Service) -> None:
    """Look whether every schema, version, row and role is as it must be."""
    findings = run(_check(one_of(service, PARTED)))
    for finding in findings:
        tell(finding, style="red")
    tell(f"{service}: {len(findings)} findings")
    end(not findings)


def _do(statements: Sequence[str], service: str, *, run_them: bool, yes: bool) -> None:
    for statement in statements:
        tell(f"{statement};")
    if run_them and statements:
        confirm(f"Run these in the database of {service}?", yes=yes)
        run(_run(service, statements))


async def _or_refuse(statements: Awaitable[list[str]]) -> list[str]:
    try:
        return await statements
    except CannotPlace as refused:
        complain(str(refused))
        raise typer.Exit(FOUND_WRONG) from refused


async def _list(service: str) -> list[dict[str, object]]:
    async with parts.places(here(), service) as found:
        return [
            {"part": each.part, "schema": each.schema, "node": each.node, "bytes": each.size}
            for each in await found.placed()
        ]


async def _placing(service: str) -> list[str]:
    async with parts.places(here(), service) as found:
        return await _or_refuse(found.placing())


async def _moving(service: str, part: int, node: str) -> list[str]:
    async with parts.places(here(), service) as found:
        return await _or_refuse(found.moving(part, node))


async def _check(service: str) -> list[str]:
    async with parts.places(here(), service) as found:
        return await found.findings()


async def _run(service: str, statements: Sequence[str]) -> None:
    async with parts.places(here(), service) as found:
        await found.run(statements)
