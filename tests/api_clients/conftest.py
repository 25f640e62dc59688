"""The generated Python client, and a server that answers as a test says."""

import json
import sys
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from deploy.clients import python_sources
from deploy.clients.document import read_document


@pytest.fixture(scope="session")
def python_client(tmp_path_factory):
    """Write the client's sources once; return their folder, from which Python imports it."""
    folder = tmp_path_factory.mktemp("clients") / "python"
    python_sources.write(read_document(), folder)
    sys.path.insert(0, str(folder))
    return folder


@dataclass(frozen=True)
class Reply:
    """One answer; a `lost` one is a connection that ends without it, in the middle of its text."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    lost: bool = False


class Script:
    """Answers requests in turn, the last answer for ever, and keeps what was asked."""

    def __init__(self):
        self.replies = []
        self.requests = []
        self.url = ""

    def plays(self, *replies):
        self.replies = list(replies)

    def sent(self, header):
        """What each request had in a header."""
        return [request.headers.get(header) for request in self.requests]

    async def answer(self, request):
        self.requests.append(request)
        await request.read()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        text = json.dumps(reply.body) if reply.text is None else reply.text
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_type = "text/event-stream" if reply.text else "application/json"
        if reply.lost and not reply.text:
            request.transport.close()
            return response
        await response.prepare(request)
        await response.write(text.encode())
        if reply.lost:
            request.transport.close()
        return response


@pytest.fixture
async def script():
    """Serve a script on a port of this machine."""
    playing = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", playing.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    playing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield playing
    await runner.cleanup()
