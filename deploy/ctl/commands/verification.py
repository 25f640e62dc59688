"""Verifying ledgers and seals, and comparing services, at the terminal."""

import asyncio
from typing import Annotated

import typer
from prometheus_client import start_http_server

from deploy.config.services import LEDGERS, SEALED
from deploy.ctl import verification
from deploy.ctl.commands.options import Json, Service
from deploy.ctl.commands.runner import end, here, one_of, run
from deploy.ctl.output import USAGE, complain, working
from deploy.ctl.report import Report

app = typer.Typer()
seal = typer.Typer(help="The hash chain over a ledger's history.", no_args_is_help=True)


@app.command()
def verify(service: Service, *, as_json: Json = False) -> None:
    """Derive balances and lots again from the postings, and compare."""
    report = Report(as_json=as_json)
    _end(report, run(verification.verify(here(), one_of(service, LEDGERS), report)))


@seal.command("verify")
def verify_seals(service: Service, *, as_json: Json = False) -> None:
    """Recompute the hash chain over a ledger's history."""
    report = Report(as_json=as_json)
    _end(report, run(verification.verify_seals(here(), one_of(service, SEALED), report)))


@app.command()
def reconcile(
    *,
    hours: Annotated[int, typer.Option(help="How far back; 0 for all.")] = 48,
    every_seconds: Annotated[
        float | None, typer.Option(help="Repeat after so many seconds.")
    ] = None,
    metrics_port: Annotated[int, typer.Option(help="Where metrics are, if repeated.")] = 8000,
    as_json: Json = False,
) -> None:
    """Compare the services with each other."""
    if every_seconds is not None and as_json:
        complain("Repeated comparisons are no single document: leave out --json.")
        raise typer.Exit(USAGE)
    if every_seconds is None:
        report = Report(as_json=as_json)
        with working("The services are compared", as_json=as_json):
            agreed = run(verification.compare(here(), hours=hours, report=report))
        _end(report, agreed)
    else:
        start_http_server(metrics_port)
        run(_reconcile_always(hours, every_seconds))


def _end(report: Report, good: bool) -> None:
    report.end()
    end(good)


async def _reconcile_always(hours: int, every_seconds: float) -> None:
    installation = here()
    while True:
        await verification.compare_and_report(installation, hours=hours)
        await asyncio.sleep(every_seconds)
