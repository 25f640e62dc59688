"""A room's feed as server-sent events."""

import asyncio
import re
import time
from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.live.api.bodies import COINS_MAX
from services.live.api.dependencies import FeedHub, Notes
from services.live.api.feed_formats import FeedFormat, Shape
from services.live.api.hub import RESET, Hub
from services.live.api.watchers import Watcher
from services.live.domain.feed import EntryKind, TooManyFeeds
from shared.errors import Kind, Refusal
from shared.http import refusals
from shared.http.access import ANY_CALLER_OF_FEED
from shared.http.auth import bearer_token
from shared.http.connection import connection_of
from shared.http.fields import RoomId
from shared.identity.tokens import (
    TOKEN_BYTES_MAX,
    Identity,
    IssuerUnavailable,
    TokenVerifier,
    Unauthenticated,
)

RECONNECT_MILLISECONDS = 2_000
BACKLOG_MAX = 100
# What is written to a connection cannot be replaced by something newer any more.
UNSENT_BYTES_MAX = 32_768
# A JSON Web Token in the address, where anything else would be three times as long.
SIGNED = r"^[A-Za-z0-9._-]+$"
# Once, and as it is: the gateway counts what is written, so each caller has one spelling.
IN_ADDRESS = re.compile(r"access_token=([A-Za-z0-9._-]+)")
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the name of an event
# The last event of a stream: a client that reconnects with the same token is refused, and a
# browser's EventSource then gives up for good.
FAREWELL = f'event: {TOKEN_EXPIRED}\ndata: {{"reason": "expired"}}\n\n'.encode()
# Our numbers of entries; any other id is not ours, and is ignored.
ENTRY_ID = re.compile(r"[0-9]{1,18}")
# Proxies are to pass each event on at once, as it is.
STREAM_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
KINDS = frozenset(EntryKind)
After = Annotated[
    Annotated[int, Field(ge=0, le=2**62)] | None,
    Query(
        description="The id of the last entry that you have, or `last_event_id` of the room;"
        " without it, the feed begins now. `Last-Event-ID` counts instead, if it is sent as well.",
        examples=[240],
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        description="The id of the last entry that you have: browsers send it when they reconnect."
        " An id that is none of ours is ignored.",
        examples=["240"],
    ),
]
Last = Annotated[
    int,
    Query(
        ge=0,
        le=BACKLOG_MAX,
        description="How many entries before now come first, if there is no `after`.",
        examples=[20],
    ),
]
Only = Annotated[
    str | None,
    Query(
        max_length=200,
        description="The names of the events that you want, joined by commas; without it, all.",
        examples=["gift,combo"],
    ),
]
CoinsMin = Annotated[
    int,
    Query(
        ge=0,
        le=COINS_MAX,
        description="Leave out gifts and combos that cost fewer coins than this.",
        examples=[100],
    ),
]
EntryShape = Annotated[
    Shape,
    Query(
        description="How entries are written: as ours, or as tools around TikTok LIVE read them.",
        examples=["ovation"],
    ),
]
# In the document it is a way to sign in.
AccessToken = Annotated[
    str | None, Query(max_length=TOKEN_BYTES_MAX, pattern=SIGNED, include_in_schema=False)
]

router = APIRouter(tags=["rooms"])


class NoSuchKind(Refusal):
    """A feed has no entries of this kind."""

    kind = Kind.INVALID


class EventStream(Response):
    """
    What a watcher is handed, written as it comes.

    One task a client, and one write for all that is new: Starlette's own streaming response has
    three, and several steps between them.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        room: str,
        *,
        after: int | None,
        last: int,
        format_: FeedFormat,
        caller: Identity,
    ) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._hub, self._room, self._viewer = hub, room, caller.user
        self._after, self._last, self._format = after, last, format_
        self._until = caller.accepted_until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is not None:
            connection.limit_unsent(UNSENT_BYTES_MAX)
        watching = self._hub.watch(
            self._room,
            after=self._after,
            last=self._last,
            format_=self._format,
            connection=connection,
            viewer=self._viewer,
        )
        async with watching as watcher:
            leaving = asyncio.ensure_future(_let_go_when_left(watcher, receive))
            rest_seconds = self._until - time.time()
            ending = asyncio.get_running_loop().call_later(rest_seconds, watcher.end_with, FAREWELL)
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


@router.get(
    "/rooms/{room}/events",
    openapi_extra=ANY_CALLER_OF_FEED,
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {}},
            "description": f"Events named {', '.join(f'`{kind}`' for kind in sorted(KINDS))};"
            f" and always, also with `only`, `{RESET}` and `{TOKEN_EXPIRED}`.",
        },
        **refusals(Unauthenticated, IssuerUnavailable, NoSuchKind, TooManyFeeds),
    },
)
async def follow_room(
    room: RoomId,
    request: Request,
    hub: FeedHub,
    notes: Notes,
    last_event_id: LastEventId = None,
    after: After = None,
    last: Last = 0,
    only: Only = None,
    min_coins: CoinsMin = 0,
    shape: EntryShape = Shape.OVATION,
    access_token: AccessToken = None,
) -> Response:
    """
    Follow a room as server-sent events.

    A client that reconnects sends `Last-Event-ID` and misses nothing, whichever instance
    answers, as long as it is not more than 1,000 entries behind. Who is, or asks for more with
    `after`, is told so by an event `reset` (`asked_after`, `begins_after`) and begins there:
    read again what you show.

    A client that reads too slowly gets less of combos: of the gifts of one combo that wait for
    it, only the one with the greatest `repeat_count`, besides those with a message and the
    first of a viewer. So show the greatest `repeat_count` and `combo_coins`, and add nothing up.
    Nothing else is left out, ids only grow, and nothing comes again after an id.

    `only=gift,combo` names the events one wants, `min_coins` leaves out smaller gifts and
    combos, `shape=tiktok` writes gifts as tools around TikTok LIVE read them. One person may
    follow sixteen feeds at a time.

    Browsers cannot set headers on an EventSource, so here alone the token may be in the query,
    once and unescaped; it is not logged. An EventSource comes back by itself after a restart:
    through the gateway, 429 and 503 are a stream that ends at once and says `retry`. It does
    not come back after a 401. So when a token ends, the stream says `token_expired` and ends:
    close the EventSource, and open another one with a new token and `after`.
    """
    # Named for the description of this route; what is written in the address counts.
    del access_token
    caller = await _authenticate(request)
    notes.take(caller)
    format_ = FeedFormat(shape, _kinds(only), min_coins)
    position = _position(last_event_id, after)
    return EventStream(hub, room, after=position, last=last, format_=format_, caller=caller)


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


async def _authenticate(request: Request) -> Identity:
    verifier: TokenVerifier = request.app.state.verifier
    token = bearer_token(request) or _token_in_address(request)
    if token is None:
        raise Unauthenticated(reason="missing")
    return await verifier.verify(token)


def _token_in_address(request: Request) -> str | None:
    written = request.scope["query_string"].decode("latin-1").split("&")
    named = [one for one in written if unquote_plus(one.partition("=")[0]) == "access_token"]
    if not named:
        return None
    spelt = IN_ADDRESS.fullmatch(named[0])
    if len(named) > 1 or spelt is None:
        raise Unauthenticated(reason="malformed")
    return spelt[1]
