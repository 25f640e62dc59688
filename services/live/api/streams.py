"""Stream sessions: which rooms are live, opening and closing, and what a stream came to."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.live.api.bodies import Request, Response, Title
from services.live.api.dependencies import Creator, FeedHub, Limits, RequestCause
from services.live.api.goals import GoalResponse
from services.live.commands import queries, streams
from services.live.domain.quotas import TooManyOpenRooms, TooManyRooms
from services.live.domain.rooms import CreatorsOnly, NoSuchRoom, RoomOfAnother
from services.live.domain.streams import NoSuchStream, NotLive
from services.live.store.leaderboards import TopGifter
from services.live.store.streams import list_open_streams
from shared.http import BadCursor, Db, Limit, Page, exact_page, moment_in, number_in, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import RoomId, StreamId
from shared.http.pages import Cursor
from shared.quotas.rules import TooOften

PAGE = 20

router = APIRouter(tags=["rooms"])


class OpenRoomRequest(Request):
    title: Title | None = None


class StreamResponse(Response):
    """A room from an opening to its closing; `closed_at` is null while it is live."""

    stream: StreamId
    room: str
    creator: str
    title: str | None
    opened_at: datetime
    closed_at: datetime | None


class LiveRoomResponse(StreamResponse):
    """A stream, and what was given to it so far; `gifters` are those who did so openly."""

    guests: list[str]
    gifts: int
    coins: int
    gifters: int


class StreamSummaryResponse(StreamResponse):
    """What a stream came to; reversals that come later lower it."""

    gifts: int
    coins: int
    gifters: int
    top_gifters: list[TopGifter]
    first_time_gifters: list[str]
    goals_reached: list[GoalResponse]


@router.get("/rooms", responses=refusals(BadCursor), openapi_extra=ANY_CALLER)
async def list_live_rooms(
    _: Caller,
    db: Db,
    live: Annotated[bool, Query(description="Only rooms that are live are listed.")] = True,
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
        top_gifters=found.top,
        first_time_gifters=found.newcomers,
        goals_reached=[GoalResponse.model_validate(goal) for goal in found.goals_reached],
    )
