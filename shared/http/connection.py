"""
The connection beneath a response, for who writes the same bytes to a thousand of them.

ASGI has one way to write: a task a response wakes up and sends through every layer between it and
the socket. For a storm of small writes that is most of the cost. So our server offers the
connection itself as an ASGI extension; a response that has begun may write to it directly, as
long as nothing of it is on its way through the layers.
https://asgi.readthedocs.io/en/latest/extensions.html
"""

import asyncio
import socket
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "ovation.connection"
# More of a response than this is written at once; a slow reader then stops who writes it.
GATHERED_BYTES_MAX = 65_536


class Connection(HttpToolsProtocol):
    """
    Serves HTTP as uvicorn does, and lets an application reach what it writes to.

    A response's head and its body leave in one write; uvicorn makes two, and the gateway reads two.
    """

    _gathered: "_Gathered"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._gathered = _Gathered(transport, self.loop)
        # It has what uvicorn calls: what it does not define itself is the transport's own.
        self.transport = cast("asyncio.Transport", self._gathered)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def limit_unsent(self, bytes_max: int) -> None:
        """
        Be full as soon as so many bytes wait in the system for the other side, and not megabytes.

        https://docs.kernel.org/networking/ip-sysctl.html tcp_notsent_lowat
        """
        # Not every system can.
        if (option := getattr(socket, "TCP_NOTSENT_LOWAT", None)) is not None:
            self.transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, option, bytes_max
            )

    @property
    def is_full(self) -> bool:
        """Whether the other side has to take something before more is written."""
        return self.flow.write_paused

    async def drain(self) -> None:
        """Wait until the other side has taken enough, or has left."""
        await self.flow.drain()

    def write_chunk(self, framed: bytes) -> bool:
        """Write a framed chunk of the body at once, if the other side keeps up; else do nothing."""
        if self.is_full or self.transport.is_closing():
            return False
        self._gathered.write_through(framed)
        return True


class _Gathered:
    """A transport that writes together what is written in one turn of the event loop."""

    __slots__ = ("_bytes", "_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._bytes += len(data)
        if self._bytes > GATHERED_BYTES_MAX:
            self._flush()

    def write_through(self, data: bytes) -> None:
        """Write at once, but not before what waits."""
        self._flush()
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts, self._bytes = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request, if the server is ours."""
    connection = scope.get("extensions", {}).get(EXTENSION)
    return connection if isinstance(connection, Connection) else None


def framed(chunk: bytes) -> bytes:
    """
    Frame a piece of a body of unknown length.

    https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding
    """
    assert chunk, "an empty chunk would end the body"
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)
