"""A response leaves in as few writes as it can, whole, and in its order."""

import asyncio

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, StreamingResponse
from uvicorn.server import ServerState

from shared.http.connection import GATHERED_BYTES_MAX, Connection, connection_of, framed

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"x" * (GATHERED_BYTES_MAX + 1)


class Socket(asyncio.Transport):
    """Notes each write, as a socket would get it."""

    def __init__(self):
        super().__init__()
        self.written = []
        self.is_closed = False

    def write(self, data):
        self.written.append(bytes(data))

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed

    def get_extra_info(self, name, default=None):
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


@pytest.fixture
def serve():
    """Serve one request with an application; return the socket once the response has left."""

    async def served(app, request=GET):
        config = uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None)
        config.load()
        connection = Connection(config, ServerState(), {})
        socket = Socket()
        connection.connection_made(socket)
        connection.data_received(request)
        await asyncio.gather(*connection.server_state.tasks)
        await asyncio.sleep(0)
        connection.connection_lost(None)
        return socket

    return served


async def test_head_and_body_leave_in_one_write(serve):
    socket = await serve(PlainTextResponse("hello"))

    (whole,) = socket.written
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert whole.endswith(b"\r\n\r\nhello")


async def test_a_head_without_a_body_leaves_too(serve):
    socket = await serve(PlainTextResponse("hello"), GET.replace(b"GET", b"HEAD"))

    (head,) = socket.written
    assert head.endswith(b"\r\n\r\n")


async def test_what_was_written_leaves_before_the_connection_is_closed(serve):
    socket = await serve(PlainTextResponse("hello", headers={"connection": "close"}))

    assert socket.is_closed
    assert b"".join(socket.written).endswith(b"\r\n\r\nhello")


async def test_the_head_of_a_stream_does_not_wait_for_its_body(serve):
    wrote_before_the_body = []

    async def app(scope, receive, send):
        socket = connection_of(scope).flow._transport  # noqa: SLF001 - as the socket has it

        async def slowly():
            await asyncio.sleep(0.01)
            wrote_before_the_body.extend(socket.written)
            yield b"later"

        await StreamingResponse(slowly())(scope, receive, send)

    await serve(app)

    (head,) = wrote_before_the_body
    assert head.endswith(b"\r\n\r\n")


async def test_a_large_body_is_not_kept_until_all_of_it_is_there(serve):
    async def body():
        for _ in range(3):
            yield LARGE

    socket = await serve(StreamingResponse(body()))

    assert len(socket.written) >= 3
    assert b"".join(socket.written).count(LARGE) == 3


async def test_a_chunk_that_is_written_directly_does_not_overtake_what_waits(serve):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert connection_of(scope).write_chunk(framed(b"second"))
        await send({"type": "http.response.body", "body": b"third"})

    socket = await serve(app)

    whole = b"".join(socket.written)
    assert whole.index(b"first") < whole.index(b"second") < whole.index(b"third")


async def test_nothing_is_written_to_a_connection_that_is_gone(serve):
    async def app(scope, receive, send):
        await PlainTextResponse("hello")(scope, receive, send)
        connection_of(scope).flow._transport.close()  # noqa: SLF001 - the other side went

    socket = await serve(app)

    assert socket.written == []
