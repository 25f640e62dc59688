"""Parts and the nodes that have them, at the terminal."""

from collections.abc import Awaitable, Sequence
from typing import Annotated

import typer

from deploy.config.services import PARTED
from deploy.ctl import parts
from deploy.ctl.commands.options import Json, Service, Yes
from deploy.ctl.commands.runner import end, here, one_of, run
from deploy.ctl.output import FOUND_WRONG, complain, confirm, show, working
from deploy.ctl.parts import CannotPlace
from deploy.ctl.report import Report

app = typer.Typer(help="The parts of a service's users, and where they are.", no_args_is_help=True)
Run = Annotated[bool, typer.Option("--run", help="Run the statements, do not only print them.")]


@app.command("ls")
def list_parts(service: Service, *, as_json: Json = False) -> None:
    """List the parts of a service, their nodes and their sizes."""
    rows = run(_list(one_of(service, PARTED)))
    show(rows, as_json=as_json, empty="All users are in one part.")


@app.command()
def place(
    service: Service, *, run_them: Run = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Distribute the parts over Citus' nodes, and set the roles on every node."""
    statements = run(_placing(one_of(service, PARTED)))
    _do(statements, service, run_them=run_them, yes=yes, as_json=as_json)


@app.command()
def move(
    service: Service,
    part: Annotated[int, typer.Argument(help="Its number: 3")],
    to: Annotated[str, typer.Option(help="A node of Citus: host:port")],
    *,
    run_them: Run = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Move a part to another node while it is used."""
    statements = run(_moving(one_of(service, PARTED), part, to))
    _do(statements, service, run_them=run_them, yes=yes, as_json=as_json)


@app.command()
def check(service: Service, *, as_json: Json = False) -> None:
    """Look whether every schema, version, row and role is as it must be."""
    report = Report(as_json=as_json)
    findings = run(_check(one_of(service, PARTED)))
    for finding in findings:
        report.item(finding, style="red", finding=finding)
    report.fact(f"{service}: {len(findings)} findings", service=service)
    report.end()
    end(not findings)


def _do(
    statements: Sequence[str], service: str, *, run_them: bool, yes: bool, as_json: bool
) -> None:
    report = Report(as_json=as_json, facts={"service": service, "run": False})
    for statement in statements:
        report.item(f"{statement};", statement=statement)
    if run_them and statements:
        confirm(f"Run these in the database of {service}?", yes=yes)
        with working("The statements run", as_json=as_json):
            run(_run(service, statements))
        report.facts["run"] = True
    report.end()


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
