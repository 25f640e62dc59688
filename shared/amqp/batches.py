"""From a queue to its receiver, and back to an acknowledgement: in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import aiormq
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from prometheus_client import Gauge

from .connection import close_quietly, pause
from .delivery import Delivery, delivery_of

Connect: TypeAlias = Callable[[], Awaitable[AbstractConnection]]
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

    Batches of `spaced_from` messages begin `spacing_seconds` apart, smaller ones closer.
    `arguments` say where in a stream to begin.
    """
    connection: AbstractConnection | None = None
    try:
        connection = await connect()
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=PREFETCH_BATCHES * batch_max)
        await channel.declare_queue(queue, passive=True)
        underlay = await channel.get_underlay_channel()
        waiting: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        lost = _lost(underlay)
        # Of a message we need its body and a few properties, so we take it as it comes.
        await underlay.basic_consume(queue, waiting.put, arguments=arguments)
        connected.labels(queue).set(1)
        loop = asyncio.get_running_loop()
        while (first := await _first(waiting, lost, stopping)) is not None:
            began = loop.time()
            # What arrived while the last batch was in flight is the batch: no added wait.
            batch = [first]
            while len(batch) < batch_max and not waiting.empty():
                batch.append(waiting.get_nowait())
            await receive([delivery_of(message) for message in batch])
            if not lost.done():
                await underlay.basic_ack(_tag(batch[-1]), multiple=True)
            apart_seconds = spacing_seconds * min(1.0, len(batch) / spaced_from)
            await pause(apart_seconds - (loop.time() - began), stopping)
    finally:
        connected.labels(queue).set(0)
        # The running batch is finished; closing the channel gives the rest back, in order.
        await close_quietly(connection)


async def _first(
    waiting: asyncio.Queue[DeliveredMessage], lost: asyncio.Future[str], stopping: asyncio.Event
) -> DeliveredMessage | None:
    """Wait for the first message of a batch; None: we stop."""
    if stopping.is_set():
        return None
    first = asyncio.create_task(waiting.get())
    stop = asyncio.create_task(stopping.wait())
    try:
        ends: set[asyncio.Future[Any]] = {first, lost, stop}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            raise ConnectionError(lost.result())
        return first.result() if first.done() else None
    finally:
        first.cancel()
        stop.cancel()


def _tag(message: DeliveredMessage) -> int:
    assert message.delivery_tag is not None
    return message.delivery_tag


def _lost(underlay: aiormq.abc.AbstractChannel) -> asyncio.Future[str]:
    """Return what is done once this channel can bring no more messages, with the reason."""
    lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(reason: str) -> None:
        if not lost.done():
            lost.set_result(reason)

    underlay.closing.add_done_callback(lambda _: end("the channel was closed"))
    underlay.on_consumer_cancel_callbacks.add(lambda _: end("the consumer was cancelled"))
    return lost
