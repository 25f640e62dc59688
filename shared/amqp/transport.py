"""
A connection of aio-pika whose messages take a shorter way: past the driver, channel by channel.

The driver opens the connection, keeps it alive and does all that is rare: declaring, consuming,
closing, errors. It reads a message with six awaits and a task, though, and walks all open
confirmations for each answer. So we open its socket (it takes any `TransportFactory`), look at
frames before it does, and keep those that a channel's own reader wants.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import aio_pika
from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

from .frames import A_HEARTBEAT, BODY, END, HEAD, HEADER, HEARTBEAT, METHOD

# Gets the kind and the payload of a frame; returns whether it keeps the frame from the driver.
ReadFrame: TypeAlias = Callable[[int, bytes], bool]

# The driver hears of no frame that we keep; it must not take the peer for dead.
ALIVE_SECONDS = 1.0
_KINDS = frozenset((METHOD, HEADER, BODY, HEARTBEAT))


class Transport(TransportFactory):
    """Opens the socket of a connection; the `reader` of a channel sees its frames first."""

    def __init__(self) -> None:
        self.readers: dict[int, ReadFrame] = {}

    async def create(
        self, url: URL, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        provider = kwargs.pop("ssl_context_provider")
        context = await provider.get_context() if url.scheme == "amqps" else None
        assert url.host is not None
        assert url.port is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = _Protocol(reader, loop, self.readers)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, url.host, url.port, ssl=context, **kwargs
            )
        except OSError as error:
            raise AMQPConnectionError(str(error)) from error
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Connection(aio_pika.Connection):
    """A connection on which a channel can have a reader of its own."""

    def __init__(self, url: URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._frames = Transport()
        self.kwargs["transport_factory"] = self._frames

    def divert(self, channel: int, read: ReadFrame) -> None:
        """Offer each frame of a channel to `read` from now on; what it refuses the driver gets."""
        self._frames.readers[channel] = read


class _Protocol(asyncio.StreamReaderProtocol):
    def __init__(
        self,
        reader: asyncio.StreamReader,
        loop: asyncio.AbstractEventLoop,
        readers: dict[int, ReadFrame],
    ) -> None:
        super().__init__(reader, loop=loop)
        self._time = loop.time
        self._readers = readers
        self._rest = b""
        self._alive_at = 0.0

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        passed: list[bytes] = []
        has_kept = False
        at, end = 0, len(data)
        while end - at >= HEAD.size:
            kind, channel, length = HEAD.unpack_from(data, at)
            start, stop = at + HEAD.size, at + HEAD.size + length
            if kind not in _KINDS:
                # Not AMQP 0-9-1 as we know it: the driver has the words for that.
                stop = end - len(END)
            if stop >= end:
                break
            read = self._readers.get(channel)
            if read is not None and read(kind, data[start:stop]):
                has_kept = True
            else:
                passed.append(data[at : stop + len(END)])
            at = stop + len(END)
        self._rest = data[at:]
        if passed or has_kept:
            self._pass_on(passed)

    def eof_received(self) -> bool | None:
        if self._rest:
            super().data_received(self._rest)
            self._rest = b""
        return super().eof_received()

    def _pass_on(self, frames: list[bytes]) -> None:
        now = self._time()
        if not frames:
            if now - self._alive_at < ALIVE_SECONDS:
                return
            frames = [A_HEARTBEAT]
        self._alive_at = now
        super().data_received(b"".join(frames))
