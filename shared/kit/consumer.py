"""A consumer of a team's queue, or of a service's log: typed handlers, each event once."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from ..amqp.batches import consume
from ..amqp.connection import connect, pause, run_forever
from ..amqp.delivery import Delivery
from ..contracts.base import Event
from ..contracts.envelope import Envelope
from .metrics import CONNECTED, RECONNECTS
from .receiver import DELAYS_SECONDS, Receiver
from .tables import Connection

log = logging.getLogger(__name__)

EventT = TypeVar("EventT", bound=Event)

TEAM_BATCH_MAX = 200
# How often messages that failed are tried again, and old rows of the inbox are deleted.
RETRY_SECONDS = 0.5
FORGET_SECONDS = 600.0


class Consumer:
    """
    Gives a queue's events to their handlers: one transaction a batch, ack after commit.

    `broker` is `amqp://team.charts:password@host:5672/ovation`, `database` the team's own
    PostgreSQL, `schema` where it remembers what it has handled. Two consumers with one schema
    share what they have handled: one that reads a log skips what came by the queue. What
    fails is tried again after each of `delays_seconds`, then parked in `schema.waiting`.
    """

    def __init__(
        self,
        broker: str,
        queue: str,
        *,
        database: str,
        schema: str = "ovation",
        batch_max: int = TEAM_BATCH_MAX,
        delays_seconds: Sequence[float] = DELAYS_SECONDS,
    ) -> None:
        self.queue = queue
        self._broker = broker
        self._receiver = Receiver(queue, database, schema, delays_seconds)
        self._batch_max = batch_max
        self._is_log = False

    @classmethod
    def from_log(cls, service: str, broker: str, **options: Any) -> Self:
        """Read a service's log from the stored offset, at first from the beginning."""
        consumer = cls(broker, f"ovation.log.{service}", **options)
        consumer._is_log = True
        return consumer

    def on(
        self, contract: type[EventT]
    ) -> Callable[
        [Callable[[Connection, Sequence[Envelope[EventT]]], Awaitable[None]]],
        Callable[[Connection, Sequence[Envelope[EventT]]], Awaitable[None]],
    ]:
        """
        Name the handler of an event: it gets a connection in a transaction, and a batch.

        What it writes with that connection commits together with the memory of having done so.
        """

        def take(
            handler: Callable[[Connection, Sequence[Envelope[EventT]]], Awaitable[None]],
        ) -> Callable[[Connection, Sequence[Envelope[EventT]]], Awaitable[None]]:
            self._receiver.route(contract, handler)
            return handler

        return take

    async def create_tables(self) -> None:
        """Make the schema and its tables, where they are missing."""
        async with (await self._receiver.pool()).acquire() as connection:
            await self._receiver.tables.create(connection)

    async def run(self, stopping: asyncio.Event | None = None) -> None:
        """Consume until `stopping` is set (None: until SIGTERM); begin again what breaks."""
        if stopping is None:
            stopping = _stop_on_signal()
        retrying = asyncio.create_task(self._retry_waiting(stopping))
        try:
            await run_forever(lambda: self._session(stopping), stopping, failed=self._failed)
            await retrying
        finally:
            retrying.cancel()
            self._receiver.close()

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._receiver.wait_for_database(stopping)
        if stopping.is_set():
            return
        await consume(
            lambda: connect(self._broker, self.queue),
            self.queue,
            lambda batch: self._receive(batch, stopping),
            stopping,
            connected=CONNECTED,
            batch_max=self._batch_max,
            arguments=await self._place() if self._is_log else None,
        )

    async def _receive(self, deliveries: Sequence[Delivery], stopping: asyncio.Event) -> None:
        if not self._is_log:
            await self._receiver.receive_batch(deliveries, stopping)
            return
        offset = int(str(deliveries[-1].headers["x-stream-offset"]))

        async def move(connection: Connection) -> None:
            await self._receiver.tables.move(connection, self.queue, offset + 1)

        await self._receiver.receive_batch(deliveries, stopping, before_commit=move)

    async def _place(self) -> dict[str, Any]:
        async with (await self._receiver.pool()).acquire() as connection:
            place = await self._receiver.tables.place(connection, self.queue)
        return {"x-stream-offset": "first" if place is None else place}

    async def _retry_waiting(self, stopping: asyncio.Event) -> None:
        """Handle again what failed and has waited; forget what is old."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not stopping.is_set():
            try:
                await self._receiver.retry_waiting(stopping)
                if loop.time() >= forget_at:
                    async with (await self._receiver.pool()).acquire() as connection:
                        await self._receiver.tables.forget_old(connection)
                    forget_at = loop.time() + FORGET_SECONDS
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log.warning("retry.failed %s %r", self.queue, error)
            await pause(RETRY_SECONDS, stopping)

    def _failed(self, error: Exception) -> None:
        log.warning("session.failed %s %r", self.queue, error)
        RECONNECTS.labels(self.queue).inc()


def _stop_on_signal() -> asyncio.Event:
    """Stop as processes are asked to: what is being handled is finished first."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
