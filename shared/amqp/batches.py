"""From a queue to whoever settles its messages, and back to an ack: in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self, TypeAlias

import aiormq
from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage

from .connection import pause

Settle: TypeAlias = Callable[[Sequence[DeliveredMessage]], Awaitable[None]]


class Incoming:
    """The messages of a queue as they arrive, on a channel of their own."""

    def __init__(self, underlay: aiormq.abc.AbstractChannel) -> None:
        self._underlay = underlay
        self._waiting: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        self._lost = asyncio.ensure_future(_lost(underlay))

    @classmethod
    async def begin(
        cls,
        channel: AbstractChannel,
        queue: str,
        *,
        prefetch: int,
        arguments: dict[str, Any] | None = None,
    ) -> Self:
        """Consume a queue that is there; `arguments` say where in a stream to begin."""
        await channel.set_qos(prefetch_count=prefetch)
        await channel.declare_queue(queue, passive=True)
        underlay = await channel.get_underlay_channel()
        incoming = cls(underlay)
        # Of a message we need its body and a few properties, so we take it as it comes.
        await underlay.basic_consume(queue, incoming._waiting.put, arguments=arguments)
        return incoming

    async def settle(
        self,
        settle: Settle,
        stopping: asyncio.Event,
        *,
        batch_max: int,
        spacing_seconds: float = 0.0,
        spaced_from: int = 1,
    ) -> None:
        """
        Settle batch after batch, and acknowledge each, until we stop or the channel is lost.

        Batches of `spaced_from` messages begin `spacing_seconds` apart, smaller ones closer.
        """
        loop = asyncio.get_running_loop()
        stop = asyncio.create_task(stopping.wait())
        first = asyncio.create_task(self._waiting.get())
        try:
            while not stopping.is_set():
                ends: set[asyncio.Future[Any]] = {first, self._lost, stop}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if self._lost.done():
                    raise ConnectionError(self._lost.result())
                if not first.done():
                    return
                began = loop.time()
                # What arrived while the last batch was in flight is the batch: no added wait.
                batch = [first.result()]
                while len(batch) < batch_max and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                first = asyncio.create_task(self._waiting.get())
                await settle(batch)
                if not self._lost.done():
                    await self._underlay.basic_ack(_tag(batch[-1]), multiple=True)
                apart_seconds = spacing_seconds * min(1.0, len(batch) / spaced_from)
                await pause(apart_seconds - (loop.time() - began), stopping)
        finally:
            for task in (first, stop, self._lost):
                task.cancel()


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
