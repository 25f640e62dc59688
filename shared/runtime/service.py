"""
One service as one process: HTTP, relay, consumers and jobs as tasks that start and stop together.

Start: the database answers, then HTTP, consumers and the relay; a broker that is away does not
keep a service from accepting what it can accept. Stop (SIGTERM): HTTP drains, consumers finish
their batch, the relay its batch, connections close; after 25 s the rest is cancelled, which
loses nothing.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from shared.contracts.envelope import PUBLIC_URL, PUBLIC_URL_VARIABLE, configure_schema_urls
from shared.contracts.routes import require_queues
from shared.http.connection import Connection
from shared.identity.several_issuers import verifier_of
from shared.identity.tokens import TokenVerifier
from shared.messaging import inbox
from shared.messaging.broker import Broker, pause, supervise
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import DeadLetterQueues
from shared.messaging.depths import QueueDepths
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.observability.tracing import configure_tracing
from shared.postgres.database import (
    Database,
    Part,
    is_unavailable,
    require_recorded_parts,
)
from shared.postgres.wakeups import stopped_by, wait
from shared.quotas import store as quotas
from shared.runtime.settings import ServiceSettings

log = structlog.get_logger()

STOP_SECONDS_MAX = 25
DRAIN_SECONDS_MAX = 10
JOB_FAILED_SECONDS = 1.0
FORGET_EVERY_SECONDS = 600.0

# Something that runs until the event is set.
Background: TypeAlias = Callable[[asyncio.Event], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Job:
    """
    Work that comes back every few seconds, done by one process of a service at a time.

    The process that holds the advisory lock named after the job does it; `run` returns whether
    there may be more to do at once. A commit that wakes `topic` brings it back at once, too.
    """

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[bool]]
    topic: str = ""


def in_each_part(
    database: Database, run: Callable[[Part], Awaitable[bool]]
) -> Callable[[], Awaitable[bool]]:
    """
    Return the `run` of a job that does its work in one part after another.

    A part whose work fails keeps no other from its turn; afterwards the first failure is raised.
    """

    async def run_all() -> bool:
        is_more, failures = False, []
        for part in database.parts:
            try:
                is_more |= await run(part)
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]
        return is_more

    return run_all


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a service runs."""

    name: str
    app: FastAPI
    database: Database
    relay: Relay
    consumers: Sequence[Consumer] = ()
    jobs: Sequence[Job] = ()
    # What has to be done with the database before anything else: an error stops the service.
    starting: Sequence[Callable[[], Awaitable[None]]] = ()
    # Anything else that lives as long as the service: a poller, a feed.
    tasks: Sequence[Background] = ()
    closing: Sequence[Callable[[], Awaitable[None]]] = field(default=())

    def __post_init__(self) -> None:
        require_queues(self.name, (consumer.queue for consumer in self.consumers))


class _Server(uvicorn.Server):
    """Leaves the signals to us: HTTP is one of several things that have to stop."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def start(service: Callable[[], Service], settings: ServiceSettings, name: str) -> None:
    """Run a service until SIGTERM: the last line of every `main.py`."""
    configure_logging(name)
    configure_tracing(name)
    configure_schema_urls(os.environ.get(PUBLIC_URL_VARIABLE, PUBLIC_URL))
    _tune_garbage_collector()

    async def build_and_run() -> None:
        await run(service(), host=settings.host, port=settings.port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(build_and_run())


def _tune_garbage_collector() -> None:
    """
    Exempt imported modules from garbage collection, and collect less often.

    Batches make many short-lived objects and no cycles; the default thresholds cost a fifth
    of the processor on them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def run(service: Service, *, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT, or until a part fails that should never end."""
    stopping = service.app.state.stopping
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    await _wait_for_database(service.database, stopping)
    if not stopping.is_set():
        await require_recorded_parts(service.database)
    service.app.state.depths = QueueDepths(service.relay.broker)
    service.app.state.dead_letters = DeadLetterQueues(service.relay.broker)
    for begin in service.starting:
        await begin()
    verifier: TokenVerifier = service.app.state.verifier
    with suppress(Exception):
        await verifier.refresh()  # absent now, it is asked for again by the first caller
    server = _Server(
        uvicorn.Config(
            service.app,
            host=host,
            port=port,
            http=Connection,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        )
    )
    http = asyncio.create_task(server.serve())
    tasks: list[Background] = [
        service.relay.run,
        _exchange_wakeups(service.database),
        *(consumer.run for consumer in service.consumers),
        *(_repeat(job, service.database) for job in (*service.jobs, _forgetting(service.database))),
        *service.tasks,
    ]
    background = [asyncio.create_task(task(stopping)) for task in tasks]
    log.info("service.started", service=service.name, port=port)
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({http, stop, *background}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    server.should_exit = True
    _, late = await asyncio.wait({http, *background}, timeout=STOP_SECONDS_MAX)
    for task in late:
        task.cancel()
    for close in (*service.closing, service.database.close):
        await close()
    log.info("service.stopped", service=service.name, abandoned=len(late))
    for task in (http, *background):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error


def _forgetting(database: Database) -> Job:
    """Keep the inbox and the quotas as small as they may be."""

    async def forget() -> bool:
        is_more = False
        for mailbox in database.mailboxes:
            async with mailbox.transaction() as tx:
                is_more |= await inbox.forget_old(tx)
        for part in database.parts:
            async with part.transaction() as tx:
                is_more |= await quotas.forget_old(tx)
        return is_more

    return Job("forget", FORGET_EVERY_SECONDS, forget)


def _exchange_wakeups(database: Database) -> Background:
    """Exchange wake-ups with the other instances of a service."""

    async def exchange(stopping: asyncio.Event) -> None:
        await supervise("wakeups", lambda: database.wakeups.exchange(stopping), stopping)

    return exchange


def _repeat(job: Job, database: Database) -> Background:
    async def repeat(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await _work(job, database, stopping)
            except Exception as error:  # noqa: BLE001 - a job that fails is tried again, always
                log.warning("job.failed", job=job.name, error=repr(error))
                await pause(JOB_FAILED_SECONDS, stopping)

    return repeat


async def _work(job: Job, database: Database, stopping: asyncio.Event) -> None:
    """Hold the job's lock for as long as the connection lives, and work."""
    db = await database.connect_directly()
    woken = asyncio.Event()
    try:
        async with stopped_by(stopping, woken):
            while not stopping.is_set():
                woken.clear()
                mine = await db.fetchval(
                    "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", f"job:{job.name}"
                )
                # Asked each time: the answer also shows that the lock's connection still lives.
                if mine:
                    database.wakeups.own(woken, {job.topic})
                if not mine or not await job.run():
                    await wait(woken, job.every_seconds)
    finally:
        database.wakeups.leave(woken)
        db.terminate()


async def _wait_for_database(database: Database, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            await database.ping()
            await database.check_role()
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("database.unavailable", error=repr(error)[:200])
            await pause(1.0, stopping)
        else:
            return


def build_broker(settings: ServiceSettings, service: str) -> Broker:
    """Where the service finds the broker, and as whom."""
    return Broker(settings.broker_url, settings.broker_password.get_secret_value(), service)


def build_database(
    settings: ServiceSettings, *, pool_size: int = 10, part_count: int = 1
) -> Database:
    """Open the service's own database, as its restricted role."""
    return Database(
        settings.database_url,
        direct_url=settings.database_direct_url,
        password=settings.database_password.get_secret_value(),
        pool_size=pool_size,
        prepares=settings.database_prepared_statements,
        part_count=part_count,
    )


def build_verifier(settings: ServiceSettings) -> TokenVerifier:
    """Trust the host application's tokens, and only those."""
    return verifier_of(settings.issuers, lifetime_seconds_max=settings.jwt_lifetime_seconds_max)
