"""A consumer of a team's queue, or of a service's log: typed handlers, each fact once."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from ..amqp.batches import Incoming
from ..amqp.connection import again_and_again, close_quietly, connect, pause
from ..contracts.base import Event
from ..contracts.decoding import original_publisher
from ..contracts.envelope import Envelope
from .metrics import CONNECTED, RECONNECTS
from .settling import DELAYS_SECONDS, Settler
from .tables import Connection, Message

log = logging.getLogger(__name__)

EventT = TypeVar("EventT", bound=Event)

BATCH_MAX = 200
PREFETCH_BATCHES = 2
# How often what failed is looked at again, and the inbox is kept short.
LOOK_SECONDS = 0.5
FORGET_SECONDS = 600.0


class Consumer:
    """
    Gives a queue's events to their handlers: one transaction a batch, ack after commit.

    `broker` is `amqp://team.charts:password@host:5672/ovation`, `database` the team's own
    PostgreSQL, `schema` where it remembers what it has handled. Two consumers with one schema
    share what they have handled: one that reads a log meets what the queue has brought. What
    fails is tried again after each of `delays_seconds`, then parked in `schema.waiting`.
    """

    def __init__(
        self,
        broker: str,
        queue: str,
        *,
        database: str,
        schema: str = "ovation",
        batch_max: int = BATCH_MAX,
        delays_seconds: Sequence[float] = DELAYS_SECONDS,
    ) -> None:
        self.queue = queue
        self._broker = broker
        self._settler = Settler(queue, database, schema, delays_seconds)
        self._batch_max = batch_max
        self._is_log = False

    @classmethod
    def from_log(cls, service: str, broker: str, **options: Any) -> Self:
        """Read everything a service announced, from where we were; at first, from its beginning."""
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
            self._settler.handlers[contract] = handler
            return handler

        return take

    async def create_tables(self) -> None:
        """Make the schema and its tables, where they are missing."""
        async with (await self._settler.pool()).acquire() as connection:
            await self._settler.tables.create(connection)

    async def run(self, stopping: asyncio.Event | None = None) -> None:
        """Consume, whatever breaks meanwhile, until `stopping` is set or we are told to end."""
        if stopping is None:
            stopping = _told_to_end()
        looking = asyncio.create_task(self._look_again(stopping))
        try:
            await again_and_again(lambda: self._session(stopping), stopping, failed=self._failed)
            await looking
        finally:
            looking.cancel()
            self._settler.close()

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._settler.wait_for_database(stopping)
        if stopping.is_set():
            return
        connection: AbstractConnection | None = None
        try:
            arguments = await self._place() if self._is_log else None
            connection = await connect(self._broker, self.queue)
            channel = await connection.channel(publisher_confirms=False)
            prefetch = PREFETCH_BATCHES * self._batch_max
            incoming = await Incoming.begin(
                channel, self.queue, prefetch=prefetch, arguments=arguments
            )
            CONNECTED.labels(self.queue).set(1)
            await incoming.settle(
                lambda batch: self._settle(batch, stopping), stopping, batch_max=self._batch_max
            )
        finally:
            CONNECTED.labels(self.queue).set(0)
            # The running batch is settled; closing gives the rest back, in order.
            await close_quietly(connection)

    async def _settle(self, batch: Sequence[DeliveredMessage], stopping: asyncio.Event) -> None:
        messages = [_message(each) for each in batch]
        if not self._is_log:
            await self._settler.settle(messages, stopping)
            return
        offset = int(str((batch[-1].header.properties.headers or {})["x-stream-offset"]))

        async def move(connection: Connection) -> None:
            await self._settler.tables.move(connection, self.queue, offset + 1)

        await self._settler.settle(messages, stopping, move)

    async def _place(self) -> dict[str, Any]:
        async with (await self._settler.pool()).acquire() as connection:
            place = await self._settler.tables.place(connection, self.queue)
        return {"x-stream-offset": "first" if place is None else place}

    async def _look_again(self, stopping: asyncio.Event) -> None:
        """Try again what failed before and has waited; forget what is old."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not stopping.is_set():
            try:
                await self._settler.try_again(stopping)
                if loop.time() >= forget_at:
                    async with (await self._settler.pool()).acquire() as connection:
                        await self._settler.tables.forget_old(connection)
                    forget_at = loop.time() + FORGET_SECONDS
            except Exception as error:  # noqa: BLE001 - the next look may do better
                log.warning("look.failed %s %r", self.queue, error)
            await pause(LOOK_SECONDS, stopping)

    def _failed(self, error: Exception) -> None:
        log.warning("session.failed %s %r", self.queue, error)
        RECONNECTS.labels(self.queue).inc()


def _message(delivered: DeliveredMessage) -> Message:
    properties = delivered.header.properties
    return Message.of(
        message_id=properties.message_id or "",
        type=properties.message_type or "",
        publisher=original_publisher(properties.user_id or "", properties.headers or {}),
        body=delivered.body,
    )


def _told_to_end() -> asyncio.Event:
    """Stop as processes are asked to: what is being handled is finished first."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
