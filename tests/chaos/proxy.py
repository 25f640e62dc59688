"""A way from a service to a server that can be made slow, or lead nowhere for a while."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from deploy.harness.ports import free_port

CHUNK_BYTES = 65_536

# Where the server is; asked anew for each connection, for it may not be known before.
Target: TypeAlias = Callable[[], tuple[str, int]]


class Link:
    """
    A TCP proxy for one way.

    While it is closed nothing passes in either direction and nobody is told: connections stay
    open, new ones are accepted and hear nothing, as behind a network that drops every packet.
    Once it is open again everything arrives that was on its way.
    """

    def __init__(self, target: Target) -> None:
        self.port = free_port()
        self.delay_seconds = 0.0
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Let nothing pass from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let everything pass again."""
        self._open.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with suppress(OSError, asyncio.CancelledError):
            await self._connect(reader, writer)
        writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        further_reader, further_writer = await asyncio.open_connection(*self._target())
        ways = [
            asyncio.create_task(self._pass(reader, further_writer)),
            asyncio.create_task(self._pass(further_reader, writer)),
        ]
        try:
            # One side's end is the other's: neither protocol knows half-closed connections.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            further_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
        # An end is news too.
        await self._open.wait()
