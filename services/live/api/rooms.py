"""Rooms: who is live, what was given, opening and closing, guests, thanks; and the books."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from services.live.api.asking import Creator, Title, View, Wish
from services.live.api.goals import GoalView
from services.live.api.standing import TopGifter
from services.live.commands import counting, staging, standing, thanking
from services.live.commands.showing import Hub
from services.live.domain.perks import NoSuchGift, ThankedAlready
from services.live.domain.quotas import RoomLimits, TooManyOpenRooms, TooManyRooms
from services.live.domain.rooms import (
    CreatorsOnly,
    NoSuchRoom,
    NoSuchStream,
    NotLive,
    RoomOfAnother,
    Stream,
    TooManyGuests,
)
from services.live.store.stages import Live
from shared.http import (
    BadCursor,
    Limit,
    Name,
    Page,
    UserId,
    encode_cursor,
    moment_in,
    number_in,
    refusals,
    request_id,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.identity.people import NotYours
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

BOOKS_SCOPE = "books:read"
BooksReader = Annotated[Identity, operator_with(BOOKS_SCOPE)]
PAGE = 20
Message = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
OWNERS = refusals(Unauthenticated, CreatorsOnly, RoomOfAnother, NoSuchRoom)


class OpeningWish(Wish):
    title: Title | None = None


class ThanksWish(Wish):
    gift: UUID
    message: Message | None = None


class StreamView(View):
    """A room from an opening to its closing; `closed_at` is null while it is live."""

    stream: UUID
    room: str
    creator: str
    title: str | None
    opened_at: datetime
    closed_at: datetime | None


class LiveView(StreamView):
    """A stream, and what was given to it so far; `gifters` are those who did so openly."""

    guests: list[str]
    gifts: int
    coins: int
    gifters: int


class StreamSummary(StreamView):
    """What a stream came to; reversals that come later lower it."""

    gifts: int
    coins: int
    gifters: int
    top_gifters: list[TopGifter]
    first_time_gifters: list[str]
    goals_reached: list[GoalView]


class RoomView(View):
    """
    What was given in a room, and whether it is live.

    `last_event_id` is where its event stream stands. A room nobody opened has no creator.
    """

    room: str
    creator: str | None
    guests: list[str]
    live: bool
    stream: StreamView | None
    gifts: int
    coins: int
    top_gifters: list[TopGifter]
    last_event_id: str


class Guests(View):
    room: str
    guests: list[str]


class ThanksView(View):
    gift: UUID
    room: str
    creator: str
    message: str | None


class Books(View):
    """How many gifts were counted in how many rooms, and their coins."""

    rooms: int
    gifts: int
    coins: int


def add_routes(router: APIRouter, database: Database, hub: Hub, limits: RoomLimits) -> None:
    _add_looking(router, database)
    _add_stage(router, database, hub, limits)
    _add_guests(router, database, hub)
    _add_streams(router, database)


def _add_looking(router: APIRouter, database: Database) -> None:
    @router.get(
        "/rooms",
        tags=["rooms"],
        responses=refusals(Unauthenticated, BadCursor),
        openapi_extra=ANY_CALLER,
    )
    async def list_live_rooms(
        _: Caller,
        live: Annotated[bool, Query(description="Only rooms that are live are listed.")] = True,
        cursor: str | None = None,
        limit: Limit = PAGE,
    ) -> Page[LiveView]:
        """List the rooms that are live, those opened last first."""
        before = moment_in(cursor)
        if not live:
            return Page(items=[], next_cursor=None)
        async with database.transaction() as tx:
            found = await staging.live(tx, before=before, limit=limit + 1)
        items = [_live(one) for one in found[:limit]]
        more = len(found) > limit
        following = (items[-1].opened_at.isoformat(), str(items[-1].stream)) if more else None
        return Page(items=items, next_cursor=encode_cursor(following) if following else None)

    @router.get(
        "/rooms/{room}",
        tags=["rooms"],
        responses=refusals(Unauthenticated),
        openapi_extra=ANY_CALLER,
    )
    async def read_room(room: Name, _: Caller) -> RoomView:
        """Read a room's totals; a room nobody gave in yet has none."""
        async with database.transaction() as tx:
            totals, top = await standing.look(tx, room)
            stage, stream = await staging.look(tx, room)
        return RoomView(
            room=room,
            creator=stage.creator if stage else None,
            guests=list(stage.guests) if stage else [],
            live=stream is not None,
            stream=_stream(stream) if stream else None,
            gifts=totals.gifts,
            coins=totals.coins,
            top_gifters=[TopGifter(**asdict(gifter)) for gifter in top],
            last_event_id=str(totals.sequence),
        )

    @router.get(
        "/operator/live/books", tags=["operator"], responses=refusals(Unauthenticated, ScopeMissing)
    )
    async def read_books(_: BooksReader) -> Books:
        """Read what was counted in all rooms."""
        async with database.transaction() as tx:
            return Books(**asdict(await counting.books(tx)))


def _add_stage(router: APIRouter, database: Database, hub: Hub, limits: RoomLimits) -> None:
    @router.put(
        "/rooms/{room}/stream",
        tags=["rooms"],
        responses=refusals(
            *(Unauthenticated, CreatorsOnly, RoomOfAnother),
            *(TooManyOpenRooms, TooManyRooms, TooOften),
        ),
    )
    async def open_room(room: Name, wish: OpeningWish, caller: Creator) -> StreamView:
        """
        Go live in a room; while it is, this changes its title.

        Who opens a room first owns it from then on.
        """
        async with database.transaction() as tx:
            stream = await staging.open_room(
                tx, room, caller.user, wish.title, story=request_id(), show=hub.show, limits=limits
            )
        return _stream(stream)

    @router.delete(
        "/rooms/{room}/stream",
        tags=["rooms"],
        responses=refusals(Unauthenticated, CreatorsOnly, RoomOfAnother, NoSuchRoom, NotLive),
    )
    async def close_room(room: Name, caller: Creator) -> LiveView:
        """End the stream that goes on in a room, and read what it came to so far."""
        async with database.transaction() as tx:
            stream, total = await staging.close_room(
                tx, room, caller.user, story=request_id(), show=hub.show
            )
            stage, _ = await staging.look(tx, room)
        assert stage is not None
        return _live(Live(stream, stage.guests, total))

    @router.post(
        "/rooms/{room}/thanks",
        tags=["rooms"],
        status_code=201,
        responses=refusals(Unauthenticated, CreatorsOnly, NotYours, NoSuchGift, ThankedAlready),
    )
    async def thank(room: Name, wish: ThanksWish, caller: Creator) -> ThanksView:
        """Thank for a gift to oneself, for the whole room to see; once a gift."""
        async with database.transaction() as tx:
            thanks = await thanking.thank(
                tx, room, caller.user, wish.gift, wish.message, story=request_id(), show=hub.show
            )
        return ThanksView.model_validate(thanks)


def _add_guests(router: APIRouter, database: Database, hub: Hub) -> None:
    @router.put(
        "/rooms/{room}/guests/{guest}",
        tags=["rooms"],
        responses={
            **OWNERS,
            **refusals(TooManyGuests, TooOften),
        },
    )
    async def add_guest(room: Name, guest: UserId, caller: Creator) -> Guests:
        """Have another creator as a guest."""
        async with database.transaction() as tx:
            guests = await staging.set_guest(
                tx, room, caller.user, guest, present=True, story=request_id(), show=hub.show
            )
        return Guests(room=room, guests=guests)

    @router.delete("/rooms/{room}/guests/{guest}", tags=["rooms"], responses=OWNERS)
    async def remove_guest(room: Name, guest: UserId, caller: Creator) -> Guests:
        """Say goodbye to a guest."""
        async with database.transaction() as tx:
            guests = await staging.set_guest(
                tx, room, caller.user, guest, present=False, story=request_id(), show=hub.show
            )
        return Guests(room=room, guests=guests)


def _add_streams(router: APIRouter, database: Database) -> None:
    @router.get(
        "/rooms/{room}/streams",
        tags=["rooms"],
        responses={**refusals(Unauthenticated, CreatorsOnly, RoomOfAnother, NoSuchRoom, BadCursor)},
    )
    async def list_streams(
        room: Name, caller: Creator, cursor: str | None = None, limit: Limit = PAGE
    ) -> Page[LiveView]:
        """List the streams of one's own room, the newest first."""
        before = number_in(cursor)
        async with database.transaction() as tx:
            found = await staging.streams(tx, room, caller.user, before=before, limit=limit + 1)
        more = len(found) > limit
        found = found[:limit]
        following = encode_cursor([found[-1].stream.number]) if more else None
        return Page(items=[_live(one) for one in found], next_cursor=following)

    @router.get(
        "/rooms/{room}/streams/{stream}",
        tags=["rooms"],
        responses=refusals(Unauthenticated, CreatorsOnly, RoomOfAnother, NoSuchRoom, NoSuchStream),
    )
    async def read_stream(room: Name, stream: UUID, caller: Creator) -> StreamSummary:
        """Read what a stream of one's own room came to."""
        async with database.transaction() as tx:
            found, total, top, newcomers, reached = await staging.summary(
                tx, room, caller.user, stream
            )
        return StreamSummary(
            **_stream(found).model_dump(),
            gifts=total.gifts,
            coins=total.coins,
            gifters=total.gifters,
            top_gifters=[TopGifter(**asdict(gifter)) for gifter in top],
            first_time_gifters=newcomers,
            goals_reached=[GoalView.model_validate(goal) for goal in reached],
        )


def _stream(stream: Stream) -> StreamView:
    return StreamView.model_validate(stream)


def _live(live: Live) -> LiveView:
    return LiveView(
        **_stream(live.stream).model_dump(), guests=list(live.guests), **asdict(live.total)
    )
