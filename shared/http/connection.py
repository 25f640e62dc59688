"""
The connection beneath a response, for who writes the same bytes to a thousand of them.

ASGI has one way to write: a task a response wakes up and sends through every layer between it and
the socket. For a storm of small writes that is most of the cost. So our server offers the
connection itself as an ASGI extension; a response that has begun may write to it directly, as
long as nothing of it is on its way through the layers.
https://asgi.readthedocs.io/en/latest/extensions.html
"""

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "ovation.connection"


class Connection(HttpToolsProtocol):
    """Serves HTTP as uvicorn does, and lets an application reach what it writes to."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def write_chunk(self, framed: bytes) -> bool:
        """Write a framed chunk of the body at once, if the other side keeps up; else do nothing."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        self.transport.write(framed)
        return True


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
