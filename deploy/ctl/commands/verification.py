"""Verifying ledgers and seals, and comparing services, at the terminal."""

import asyncio
from typing import Annotated

import typer
from prometheus_client import start_http_server

from deploy.config.services import LEDGERS, SEALED
from deploy.ctl import verification
from deploy.ctl.commands.options import Service
from deploy.ctl.commands.runner import end, here, one_of, run

app = typer.Typer()
seal = typer.Typer(help="The hash chain over a ledger's history.", no_args_is_help=True)


@app.command()
def verify(service: Service) -> None:
    """Derive balances and lots again from the postings, and compare."""
    end(run(verification.verify(here(), one_of(service, LEDGERS))))


@seal.command("verify")
def verify_seals(service: Service) -> None:
    """Recompute the hash chain over a ledger's history."""
    end(run(verification.verify_seals(here(), one_of(service, SEALED))))


@app.command()
def reconcile(
    *,
    hours: Annotated[int, typer.Option(help="How far back; 0 for all.")] = 48,
    every_seconds: Annotated[
        float | None, typer.Option(help="Repeat after so many seconds.")
    ] = None,
    metrics_port: Annotated[int, typer.Option(help="Where metrics are, if repeated.")] = 8000,
) -> None:
    """Compare the services with each other."""
    if every_seconds is None:
        end(run(verification.compare(here(), hours=hours)))
    else:
        start_http_server(metrics_port)
        run(_reconcile_always(hours, every_seconds))


async def _reconcile_always(hours: int, every_seconds: float) -> None:
    installation = here()
    while True:
        await verification.compare_and_report(installation, hours=hours)
        await asyncio.sleep(every_seconds)
