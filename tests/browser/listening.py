"""Pages of a running system as they are, but for a script before theirs that notes complaints."""

from contextlib import contextmanager

import httpx
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from deploy.harness.ports import free_port
from tests.browser.test_signing_in import serving

LISTENER = """
window.complaints = [];
const note = (text) => complaints.push(String(text));
addEventListener("error", ({ message }) => note(message));
addEventListener("unhandledrejection", ({ reason }) => note(reason));
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    note(`${violatedDirective} refuses ${blockedURI}`));
for (const name of ["error", "warn"]) console[name] = (...words) => note(words.join(" "));
"""
SCRIPT = b'<script src="/listener.js"></script>'
# What is of one connection, or of the body as it came.
DROPPED = {"connection", "content-length", "content-encoding", "transfer-encoding", "host"}


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def passing(origin):
    """Return a route's function that passes everything on to another origin."""

    async def pass_on(request):
        # A client of this request alone: a feed stays open after its headers.
        client = httpx.AsyncClient(base_url=origin, timeout=None)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        headers = {name: value for name, value in request.headers.items() if name not in DROPPED}
        content = await request.body()
        asked = client.build_request(request.method, path, headers=headers, content=content)
        answer = await client.send(asked, stream=True)
        kept = {name: value for name, value in answer.headers.items() if name not in DROPPED}
        if "text/event-stream" in kept.get("content-type", ""):
            return StreamingResponse(_lines(client, answer), answer.status_code, kept)
        content = await answer.aread()
        await client.aclose()
        if "text/html" in kept.get("content-type", ""):
            content = content.replace(b"<head>", b"<head>" + SCRIPT, 1)
        return Response(content, answer.status_code, kept)

    return pass_on


def listen(_request):
    return Response(LISTENER, media_type="text/javascript")


@contextmanager
def listening(origin):
    """Serve what another origin serves; yield our own."""
    port = free_port()
    routes = [
        Route("/listener.js", listen),
        Route("/{path:path}", passing(origin), methods=METHODS),
    ]
    with serving(Starlette(routes=routes), port):
        yield f"http://127.0.0.1:{port}"


async def _lines(client, answer):
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    finally:
        await client.aclose()
