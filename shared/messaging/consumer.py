"""From a queue to whoever receives it, and back to an ack: in batches, for as long as it takes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiormq
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from shared.contracts.base import Event
from shared.database import Database
from shared.messaging.broker import Broker, close_quietly, pause, supervise
from shared.messaging.delivery import Delivery
from shared.messaging.receiver import Handler, Receiver
from shared.messaging.retry import DELAYS
from shared.telemetry import CONSUMER_CONNECTED

BATCH_MAX = 1_500
PREFETCH_BATCHES = 2
# Batches begin at least so far apart once they are this large, and closer the smaller they are: a
# message that comes alone is taken at once, a storm gathers what makes a batch's fixed costs
# worthwhile.
SPACING_SECONDS = 0.025
SPACED_FROM = 50


class Consumer:
    """
    Gives a queue's messages to their handlers: one transaction a batch, ack after commit.

    `routes` is the routing table, `delays` the delay queues a failing message goes through. While
    the database is away the deliveries are kept and nothing is given back.
    """

    def __init__(
        self,
        queue: str,
        routes: Mapping[type[Event], Handler],
        *,
        database: Database,
        broker: Broker,
        batch_max: int = BATCH_MAX,
        spacing_seconds: float = SPACING_SECONDS,
        spaced_from: int = SPACED_FROM,
        delays: Sequence[str] = DELAYS,
    ) -> None:
        self.queue = queue
        self.connected = False
        self._receiver = Receiver(queue, routes, database=database, user=broker.user, delays=delays)
        self._broker = broker
        self._batch_max = batch_max
        self._spacing_seconds = spacing_seconds
        self._spaced_from = spaced_from

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until we stop, whatever breaks meanwhile."""
        await supervise(self.queue, lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        await self._receiver.wait_for_database(stopping)
        connection: AbstractConnection | None = None
        try:
            connection = await self._broker.connect(self.queue)
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=PREFETCH_BATCHES * self._batch_max)
            await channel.declare_queue(self.queue, passive=True)
            underlay = await channel.get_underlay_channel()
            lost = asyncio.ensure_future(_lost(underlay))
            waiting: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
            # Of a message we need its body and a few properties, so we take it as it comes.
            await underlay.basic_consume(self.queue, waiting.put)
            self._set_connected(connected=True)
            try:
                await self._consume(waiting, underlay, lost, stopping)
            finally:
                lost.cancel()
        finally:
            self._set_connected(connected=False)
            # The running batch is settled; closing the channel gives the rest back, in order.
            await close_quietly(connection)

    async def receive(
        self, deliveries: Sequence[Delivery], stopping: asyncio.Event | None = None
    ) -> None:
        """Settle a batch for good, as `Receiver` does."""
        await self._receiver.receive(deliveries, stopping)

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        CONSUMER_CONNECTED.labels(self.queue).set(connected)

    async def _consume(
        self,
        waiting: asyncio.Queue[DeliveredMessage],
        underlay: aiormq.abc.AbstractChannel,
        lost: asyncio.Future[str],
        stopping: asyncio.Event,
    ) -> None:
        """Settle batch after batch until we stop or the channel is lost."""
        loop = asyncio.get_running_loop()
        stop = asyncio.create_task(stopping.wait())
        first = asyncio.create_task(waiting.get())
        try:
            while not stopping.is_set():
                ends: set[asyncio.Future[Any]] = {first, lost, stop}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if lost.done():
                    raise ConnectionError(lost.result())
                if not first.done():
                    return
                began = loop.time()
                # What arrived while the last batch was in flight is the batch: no added wait.
                batch = [first.result()]
                while len(batch) < self._batch_max and not waiting.empty():
                    batch.append(waiting.get_nowait())
                first = asyncio.create_task(waiting.get())
                await self.receive([_delivery(message) for message in batch], stopping)
                if not lost.done():
                    await underlay.basic_ack(_tag(batch[-1]), multiple=True)
                spacing_seconds = self._spacing_seconds * min(1.0, len(batch) / self._spaced_from)
                await pause(spacing_seconds - (loop.time() - began), stopping)
        finally:
            first.cancel()
            stop.cancel()


def _tag(message: DeliveredMessage) -> int:
    assert message.delivery_tag is not None
    return message.delivery_tag


async def _lost(underlay: aiormq.abc.AbstractChannel) -> str:
    """Return once this channel can bring no more messages: it closed, or the consumer is gone."""
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def tell(reason: str) -> None:
        if not gone.done():
            gone.set_result(reason)

    underlay.closing.add_done_callback(lambda _: tell("the channel was closed"))
    underlay.on_consumer_cancel_callbacks.add(lambda _: tell("the consumer was cancelled"))
    return await gone


def _delivery(message: DeliveredMessage) -> Delivery:
    properties = message.header.properties
    return Delivery(
        body=message.body,
        type=properties.message_type or "",
        message_id=properties.message_id or "",
        user_id=properties.user_id or "",
        headers=properties.headers or {},
    )
