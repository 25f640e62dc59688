"""A room's feed as server-sent events."""

import asyncio
import re
import time
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.live.api.asking import COINS_MAX
from services.live.commands.describing import KINDS
from services.live.commands.showing import Hub, Watcher
from services.live.commands.views import Shape, View
from shared.auth import TOKEN_BYTES_MAX, Identity, IssuerUnavailable, Unauthenticated, Verifier
from shared.errors import Kind, Refusal
from shared.http import Name, refusals
from shared.http.connection import connection_of

RECONNECT_MILLISECONDS = 2_000
BACKLOG_MAX = 100
# A JSON Web Token in the address, where anything else would be three times as long.
SIGNED = r"^[A-Za-z0-9._-]+$"
# What we number entries with; any other id is not ours, and is passed over.
ENTRY_ID = re.compile(r"[0-9]{1,18}")
Position = Annotated[int, Query(ge=0, le=2**62)]


class NoSuchKind(Refusal):
    """A feed has no entries of this kind."""

    kind = Kind.INVALID


class EventStream(Response):
    """
    Whatever a watcher is handed, written as it comes.

    One task a client, and one write for all that is new: Starlette's own streaming response has
    three, and several steps between them.
    """

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, room: str, *, after: int | None, last: int, view: View, until: float
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._room = hub, room
        self._after, self._last, self._view = after, last, view
        self._until = until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = self._hub.watch(
            self._room,
            after=self._after,
            last=self._last,
            view=self._view,
            connection=connection_of(scope),
        )
        async with watching as watcher:
            leaving = asyncio.ensure_future(_let_go_when_left(watcher, receive))
            rest_seconds = self._until - time.time()
            ending = asyncio.get_running_loop().call_later(rest_seconds, watcher.let_go)
            try:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                )
                chunk: bytes | None = f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
                while chunk is not None:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    chunk = await watcher.next()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                ending.cancel()
                leaving.cancel()


async def _let_go_when_left(watcher: Watcher, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.let_go()


def add_routes(router: APIRouter, hub: Hub) -> None:
    @router.get(
        "/rooms/{room}/events",
        tags=["rooms"],
        response_class=StreamingResponse,
        responses={
            200: {
                "content": {"text/event-stream": {}},
                "description": f"Events named {', '.join(f'`{kind}`' for kind in sorted(KINDS))}.",
            },
            **refusals(Unauthenticated, IssuerUnavailable, NoSuchKind),
        },
    )
    async def follow_room(
        room: Name,
        request: Request,
        last_event_id: Annotated[str | None, Header()] = None,
        after: Position | None = None,
        last: Annotated[int, Query(ge=0, le=BACKLOG_MAX)] = 0,
        only: Annotated[str | None, Query(max_length=200)] = None,
        min_coins: Annotated[int, Query(ge=0, le=COINS_MAX)] = 0,
        shape: Shape = Shape.OVATION,
        access_token: Annotated[
            str | None, Query(max_length=TOKEN_BYTES_MAX, pattern=SIGNED)
        ] = None,
    ) -> Response:
        """
        Follow a room as server-sent events.

        A client that reconnects sends `Last-Event-ID` and misses nothing, whichever instance
        answers. `only=gift,combo` names the events one wants, `min_coins` leaves out smaller gifts
        and combos, `shape=tiktok` writes gifts as tools around TikTok LIVE read them. The stream
        ends when its token does: then one comes back with a new one. Browsers
        cannot set headers on an EventSource, so here alone the token may be in the query; it is
        not logged.
        """
        caller = await _authenticate(request, access_token)
        view = View(shape, _kinds(only), min_coins)
        position = _position(last_event_id, after)
        until = caller.accepted_until
        return EventStream(hub, room, after=position, last=last, view=view, until=until)


def _kinds(only: str | None) -> frozenset[str] | None:
    if only is None:
        return None
    named = frozenset(name.strip() for name in only.split(",") if name.strip())
    if not named <= KINDS:
        raise NoSuchKind(kinds=sorted(KINDS))
    return named or None


def _position(last_event_id: str | None, after: int | None) -> int | None:
    """Where to resume: a browser that reconnects repeats its first address, so its id wins."""
    if last_event_id is not None and ENTRY_ID.fullmatch(last_event_id):
        return int(last_event_id)
    return after


async def _authenticate(request: Request, access_token: str | None) -> Identity:
    verifier: Verifier = request.app.state.verifier
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = access_token or ""
    if not token:
        raise Unauthenticated(reason="missing")
    return await verifier.verify(token.strip())
