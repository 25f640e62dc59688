"""From a queue to its receiver, and back to an acknowledgement: in batches."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeAlias

from aiormq.abc import AbstractChannel, DeliveredMessage
from prometheus_client import Gauge

from .connection import close_quietly
from .delivery import Delivery, delivery_of
from .frames import DELIVER, ContentReader, tag_of
from .transport import Connection

Connect: TypeAlias = Callable[[], Awaitable[Connection]]
Receive: TypeAlias = Callable[[Sequence[Delivery]], Awaitable[None]]

PREFETCH_BATCHES = 2


async def consume(
    connect: Connect,
    queue: str,
    receive: Receive,
    stopping: asyncio.Event,
    *,
    connected: Gauge,
    batch_max: int,
    spacing_seconds: float = 0.0,
    spaced_from: int = 1,
    arguments: dict[str, Any] | None = None,
) -> None:
    """
    Receive batch after batch, and acknowledge each, until we stop or the channel is lost.

    Batches of `spaced_from` messages begin `spacing_seconds` apart, smaller ones closer; a full
    batch never waits. `arguments` say where in a stream to begin.
    """
    connection: Connection | None = None
    stop = asyncio.create_task(stopping.wait())
    try:
        connection = await connect()
        deliveries = await Deliveries.of(
            connection, queue, prefetch=PREFETCH_BATCHES * batch_max, arguments=arguments
        )
        stop.add_done_callback(lambda _: deliveries.end())
        connected.labels(queue).set(1)
        loop = asyncio.get_running_loop()
        # What arrived while the last batch was in flight is the batch: no added wait.
        while batch := await deliveries.take(batch_max):
            began = loop.time()
            await receive(batch)
            await deliveries.acknowledge()
            apart_seconds = spacing_seconds * min(1.0, len(batch) / spaced_from)
            await deliveries.wait_for(batch_max, seconds=began + apart_seconds - loop.time())
    finally:
        stop.cancel()
        connected.labels(queue).set(0)
        # The running batch is finished; closing the channel gives the rest back, in order.
        await close_quietly(connection)


class Deliveries:
    """What the broker delivers of one queue, in the order of its arrival."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._waiting: deque[tuple[int, bytes, bytes]] = deque()
        # How many must wait before the receiver is woken.
        self._wanted = 1
        self._changed = asyncio.Event()
        self._taken_tag = 0
        self._ended = False
        self._lost: str | None = None

    @classmethod
    async def of(
        cls, connection: Connection, queue: str, *, prefetch: int, arguments: dict[str, Any] | None
    ) -> Self:
        """Consume a queue that exists, on a channel of its own."""
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=prefetch)
        await channel.declare_queue(queue, passive=True)
        underlay = await channel.get_underlay_channel()
        deliveries = cls(underlay)
        connection.divert(underlay.number, ContentReader(DELIVER, deliveries._arrived).read)
        underlay.closing.add_done_callback(lambda _: deliveries._lose("the channel was closed"))
        underlay.on_consumer_cancel_callbacks.add(
            lambda _: deliveries._lose("the consumer was cancelled")
        )
        await underlay.basic_consume(queue, _never_called, arguments=arguments)
        return deliveries

    async def take(self, count_max: int) -> list[Delivery]:
        """
        Wait for a message; return it with those behind it, or none if we stop.

        Raises `ConnectionError` once no more can come.
        """
        await self.wait_for(1)
        if self._ended:
            return []
        if self._lost is not None:
            raise ConnectionError(self._lost)
        batch: list[Delivery] = []
        while self._waiting and len(batch) < count_max:
            self._taken_tag, properties, body = self._waiting.popleft()
            batch.append(delivery_of(properties, body))
        return batch

    async def wait_for(self, count: int, *, seconds: float | None = None) -> None:
        """Return once so many messages wait, no more can come, we stop, or time is over."""
        if seconds is not None and seconds <= 0:
            return
        self._wanted = count
        self._changed.clear()
        if len(self._waiting) >= count or self._ended or self._lost is not None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    async def acknowledge(self) -> None:
        """Acknowledge all that was taken."""
        if self._lost is None:
            await self._channel.basic_ack(self._taken_tag, multiple=True)

    def end(self) -> None:
        """Take no more."""
        self._ended = True
        self._changed.set()

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._changed.set()

    def _arrived(self, method: bytes, properties: bytes, body: bytes) -> None:
        self._waiting.append((tag_of(method), properties, body))
        if len(self._waiting) >= self._wanted:
            self._changed.set()


async def _never_called(_: DeliveredMessage) -> None:
    """The driver gets no delivery of a channel that is diverted."""
    raise AssertionError
