"""How a command runs: its installation, its errors, its exit code."""

import asyncio
import sys
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import httpx
import typer
from aiormq.exceptions import AMQPError

from deploy.ctl.installation import Installation
from deploy.ctl.output import DONE, FOUND_WRONG, UNREACHABLE, USAGE, working
from deploy.ctl.teams import queues

Answer = TypeVar("Answer")


def here() -> Installation:
    """Return the installation that the environment names."""
    return Installation.from_environment()


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    return guarded(lambda: asyncio.run(work))


def run_long(work: Coroutine[Any, Any, Answer], what: str, *, as_json: bool) -> Answer:
    """Do work that may take long, and say so on a terminal."""
    with working(what, as_json=as_json):
        return run(work)


def guarded(work: Callable[[], Answer]) -> Answer:
    """Do the work; a server that cannot be reached has an exit code of its own."""
    try:
        return work()
    except (
        *(OSError, AMQPError, asyncpg.PostgresError, asyncpg.InterfaceError),
        *(httpx.HTTPError, TimeoutError),
    ) as error:
        sys.stderr.write(f"A server does not answer: {error!r}\n")
        raise typer.Exit(UNREACHABLE) from error


def one_of(given: str, known: Collection[str]) -> str:
    if given not in known:
        sys.stderr.write(f"{given} is none of {', '.join(known)}.\n")
        raise typer.Exit(USAGE)
    return given


def a_queue(given: str) -> str:
    """Return the name of a service's or a team's queue."""
    return one_of(given, guarded(lambda: queues(here())))


def end(good: bool) -> None:
    raise typer.Exit(DONE if good else FOUND_WRONG)


def utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)
