"""What the live service is asked: a room's totals, and its gifts as they come."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.live.commands import counting
from services.live.commands.showing import Hub, Watcher
from shared.auth import (
    Caller,
    IssuerUnavailable,
    ScopeMissing,
    Unauthenticated,
    Verifier,
    require_scope,
)
from shared.database import Database
from shared.http import refusals

BOOKS_SCOPE = "books:read"
HEARTBEAT_SECONDS = 15.0
RECONNECT_MILLISECONDS = 2_000
BACKLOG_MAX = 100
RoomName = Annotated[str, Path(max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
# What we number entries with; any other id is not ours, and is passed over.
ENTRY_ID = re.compile(r"[0-9]{1,18}")
Position = Annotated[int, Query(ge=0, le=2**62)]


class TopGifter(BaseModel):
    viewer: str
    coins: int
    gifts: int


class RoomView(BaseModel):
    """What was given in a room; `last_event_id` is where its event stream stands."""

    room: str
    gifts: int
    coins: int
    top_gifters: list[TopGifter]
    last_event_id: str


class Books(BaseModel):
    """How many gifts were counted in how many rooms, and their coins."""

    rooms: int
    gifts: int
    coins: int


def build_router(database: Database, hub: Hub) -> APIRouter:
    router = APIRouter(prefix="/v1")
    _add_stream(router, hub)

    @router.get("/rooms/{room}", tags=["rooms"], responses=refusals(Unauthenticated))
    async def read_room(room: RoomName, _: Caller) -> RoomView:
        """Read a room's totals; a room nobody gave in yet has none."""
        async with database.transaction() as tx:
            totals, top = await counting.look(tx, room)
        return RoomView(
            room=room,
            gifts=totals.gifts,
            coins=totals.coins,
            top_gifters=[TopGifter(**asdict(gifter)) for gifter in top],
            last_event_id=str(totals.sequence),
        )

    @router.get(
        "/operator/live/books", tags=["operator"], responses=refusals(Unauthenticated, ScopeMissing)
    )
    async def read_books(caller: Caller) -> Books:
        """Read what was counted in all rooms."""
        require_scope(caller, BOOKS_SCOPE)
        async with database.transaction() as tx:
            return Books(**asdict(await counting.books(tx)))

    return router


def _add_stream(router: APIRouter, hub: Hub) -> None:
    @router.get(
        "/rooms/{room}/events",
        tags=["rooms"],
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {}}, "description": "Events named `gift`."},
            **refusals(Unauthenticated, IssuerUnavailable),
        },
    )
    async def follow_room(
        room: RoomName,
        request: Request,
        last_event_id: Annotated[str | None, Header()] = None,
        after: Position | None = None,
        last: Annotated[int, Query(ge=0, le=BACKLOG_MAX)] = 0,
        access_token: Annotated[str | None, Query(max_length=8_192)] = None,
    ) -> StreamingResponse:
        """
        Follow a room's gifts as server-sent events.

        A client that reconnects sends `Last-Event-ID` and misses nothing. Browsers cannot set
        headers on an EventSource, so here alone the token may be in the query; it is not logged.
        """
        await _authenticate(request, access_token)
        stream = _events(hub, room, _position(last_event_id, after), last)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _position(last_event_id: str | None, after: int | None) -> int | None:
    """Where to resume: a browser that reconnects repeats its first address, so its id wins."""
    if last_event_id is not None and ENTRY_ID.fullmatch(last_event_id):
        return int(last_event_id)
    return after


async def _authenticate(request: Request, access_token: str | None) -> None:
    verifier: Verifier = request.app.state.verifier
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = access_token or ""
    if not token:
        raise Unauthenticated(reason="missing")
    await verifier.verify(token.strip())


async def _events(hub: Hub, room: str, after: int | None, last: int) -> AsyncIterator[str]:
    async with hub.watch(room, after=after, last=last) as watcher:
        yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
        while (event := await _next(watcher)) is not None:
            yield event


async def _next(watcher: Watcher) -> str | None:
    """Return the next event, or a sign of life when there is none for a while."""
    try:
        entry = await asyncio.wait_for(watcher.entries.get(), HEARTBEAT_SECONDS)
    except TimeoutError:
        return ": still here\n\n"
    if entry is None:
        return None
    return f"event: gift\nid: {entry.sequence}\ndata: {entry.shown}\n\n"
