"""Stream sessions: which rooms are live, opening and closing, and what a stream came to."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from services.live.api.bodies import Request, Response, Title, TopGifter
from services.live.api.dependencies import Creator, FeedHub, Limits, Notes, RequestCause
from services.live.api.goals import GoalResponse
from services.live.commands import queries, streams
from services.live.domain.quotas import TooManyOpenRooms, TooManyRooms
from services.live.domain.rooms import CreatorsOnly, NoSuchRoom, RoomOfAnother
from services.live.domain.streams import NoSuchStream, NotLive
from services.live.store.streams import list_open_streams, list_streams_of
from shared.contracts.base import in_unit, like
from shared.http import BadCursor, Db, Limit, Page, exact_page, moment_in, number_in, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import Coins, CreatorName, Instant, RoomId, RoomName, StreamId
from shared.http.pages import Cursor
from shared.quotas.rules import TooOften

PAGE = 20
ROOMS_SHOWN_MAX = 100
Live = Annotated[
    bool,
    Query(description="Only rooms that are live are listed: `false` lists none.", examples=[True]),
]

router = APIRouter(tags=["rooms"])


class OpenRoomRequest(Request):
    title: Annotated[Title, like("Songs for a late evening")] | None = None
    """What the stream is called; null for no title. Sent again, it replaces the title."""


class StreamResponse(Response):
    """A room from an opening to its closing; `closed_at` is null while it is live."""

    stream: StreamId
    room: RoomName
    creator: CreatorName
    """The creator who went live: the `sub` of their token."""
    title: Annotated[str, like("Songs for a late evening")] | None
    """What the stream is called, as written: escape it before you show it. Null for no title."""
    opened_at: Instant
    """When it began."""
    closed_at: Annotated[Instant | None, like(None, "2026-11-23T14:00:00Z")]
    """When it ended; null while it is live."""


class LiveRoomResponse(StreamResponse):
    """A stream, and what was given to it so far; `gifters` are those who did so openly."""

    guests: Annotated[list[str], like(["tomas"], [])]
    """The creators who are guests in the room (the `sub` of their tokens)."""
    gifts: Annotated[int, in_unit("gifts", 12)]
    """How many gifts were sent in this stream, each of any number of pieces."""
    coins: Annotated[Coins, like(1_200)]
    """What they cost in all, in coins, less what was charged back."""
    gifters: Annotated[int, in_unit("viewers", 4)]
    """How many viewers gave openly; anonymous gifts count in `gifts` and `coins` only."""


class StreamSummaryResponse(StreamResponse):
    """What a stream came to; reversals that come later lower it."""

    gifts: Annotated[int, in_unit("gifts", 12)]
    """How many gifts were sent in this stream, each of any number of pieces."""
    coins: Annotated[Coins, like(1_200)]
    """What they cost in all, in coins, less what was charged back."""
    gifters: Annotated[int, in_unit("viewers", 4)]
    """How many viewers gave openly; anonymous gifts count in `gifts` and `coins` only."""
    top_gifters: list[TopGifter]
    """The ten viewers who gave most openly, those who gave most first."""
    first_time_gifters: Annotated[list[str], like(["mira"], [])]
    """
    The first 100 viewers whose first open gift to the creator fell into this stream (the `sub` of
    their tokens).
    """
    goals_reached: list[GoalResponse]
    """The goals that were reached in this stream."""


class OwnRoomResponse(Response):
    """A room of the caller, and whether they are live in it."""

    room: RoomName
    owned_since: Instant | None
    """Since when it is theirs; null for a room that was owned before this was kept."""
    stream: StreamResponse | None
    """The stream that goes on in it; null if none does."""


class OwnRoomsResponse(Response):
    """The rooms of the caller."""

    items: list[OwnRoomResponse]
    """By name, at most a hundred."""


@router.get("/creators/me/rooms", responses=refusals(CreatorsOnly))
async def list_own_rooms(caller: Creator, db: Db) -> OwnRoomsResponse:
    """List one's own rooms, and in which one is live."""
    async with db.transaction() as tx:
        found = await queries.list_own_rooms(tx, caller.user, limit=ROOMS_SHOWN_MAX)
    return OwnRoomsResponse(items=[OwnRoomResponse.model_validate(each) for each in found])


@router.get("/creators/me/streams", responses=refusals(CreatorsOnly, BadCursor))
async def list_own_streams(
    caller: Creator, db: Db, cursor: Cursor = None, limit: Limit = PAGE
) -> Page[LiveRoomResponse]:
    """List one's own streams in all rooms with what was given to them, the newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await list_streams_of(tx, caller.user, before=before, limit=limit + 1)
    return exact_page(
        found,
        limit,
        lambda last: (last.opened_at.isoformat(), str(last.stream)),
        LiveRoomResponse.model_validate,
    )


@router.get("/rooms", responses=refusals(BadCursor), openapi_extra=ANY_CALLER)
async def list_live_rooms(
    _: Caller,
    db: Db,
    live: Live = True,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[LiveRoomResponse]:
    """List the rooms that are live, those opened last first."""
    before = moment_in(cursor)
    if not live:
        return Page(items=[], next_cursor=None)
    async with db.transaction() as tx:
        found = await list_open_streams(tx, before=before, limit=limit + 1)
    return exact_page(
        found,
        limit,
        lambda last: (last.opened_at.isoformat(), str(last.stream)),
        LiveRoomResponse.model_validate,
    )


@router.put(
    "/rooms/{room}/stream",
    responses=refusals(CreatorsOnly, RoomOfAnother, TooManyOpenRooms, TooManyRooms, TooOften),
)
async def open_room(
    room: RoomId,
    body: OpenRoomRequest,
    caller: Creator,
    db: Db,
    hub: FeedHub,
    limits: Limits,
    notes: Notes,
    cause: RequestCause,
) -> StreamResponse:
    """
    Go live in a room; while it is, this changes its title.

    Who opens a room first owns it from then on.
    """
    async with db.transaction() as tx:
        stream = await streams.open_stream(
            tx, room, caller.user, body.title, limits=limits, cause=cause, show=hub.show
        )
    notes.take(caller)
    return StreamResponse.model_validate(stream)


@router.delete(
    "/rooms/{room}/stream", responses=refusals(CreatorsOnly, RoomOfAnother, NoSuchRoom, NotLive)
)
async def close_room(
    room: RoomId, caller: Creator, db: Db, hub: FeedHub, cause: RequestCause
) -> LiveRoomResponse:
    """End the stream that goes on in a room, and read what it came to so far."""
    async with db.transaction() as tx:
        closed = await streams.close_stream(tx, room, caller.user, cause=cause, show=hub.show)
    return LiveRoomResponse.model_validate(closed)


@router.get(
    "/rooms/{room}/streams", responses=refusals(CreatorsOnly, RoomOfAnother, NoSuchRoom, BadCursor)
)
async def list_streams(
    room: RoomId, caller: Creator, db: Db, cursor: Cursor = None, limit: Limit = PAGE
) -> Page[LiveRoomResponse]:
    """List the streams of one's own room, the newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        found = await queries.list_own_streams(
            tx, room, caller.user, before=before, limit=limit + 1
        )
    return exact_page(found, limit, lambda last: [last.number], LiveRoomResponse.model_validate)


@router.get(
    "/rooms/{room}/streams/{stream}",
    responses=refusals(CreatorsOnly, RoomOfAnother, NoSuchRoom, NoSuchStream),
)
async def read_stream(
    room: RoomId, stream: StreamId, caller: Creator, db: Db
) -> StreamSummaryResponse:
    """Read what a stream of one's own room came to."""
    async with db.transaction() as tx:
        found = await queries.read_stream(tx, room, caller.user, stream)
    return StreamSummaryResponse(
        **StreamResponse.model_validate(found.stream).model_dump(),
        **asdict(found.total),
        top_gifters=[TopGifter.model_validate(each) for each in found.top],
        first_time_gifters=found.newcomers,
        goals_reached=[GoalResponse.model_validate(goal) for goal in found.goals_reached],
    )
