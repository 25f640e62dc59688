"""Rooms: what was given there, guests, owners; and the sums over all rooms."""

from typing import Annotated

from fastapi import APIRouter

from services.live.api.bodies import Request, Response, TopGifter
from services.live.api.dependencies import Creator, FeedHub, RequestCause
from services.live.api.streams import StreamResponse
from services.live.commands import rooms
from services.live.domain.gift_totals import ALL
from services.live.domain.leaderboards import TOP_GIFTERS
from services.live.domain.rooms import CreatorsOnly, NoSuchRoom, RoomOfAnother, TooManyGuests
from services.live.store import gift_totals
from services.live.store import rooms as store
from services.live.store.leaderboards import list_top_gifters
from services.live.store.streams import find_open_stream
from shared.contracts.base import in_unit, like
from shared.http import Db, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.http.fields import Coins, CreatorId, CreatorName, GuestId, RoomId, RoomName
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity
from shared.quotas.rules import TooOften

BooksReader = Annotated[Identity, operator_with("books:read")]
RoomsOperator = Annotated[Identity, operator_with("rooms:write")]
OF_OWNERS = refusals(CreatorsOnly, RoomOfAnother, NoSuchRoom)

router = APIRouter()


class RoomResponse(Response):
    """
    What was given in a room, and whether it is live.

    `last_event_id` is where its event stream stands. A room that was never opened has no creator.
    """

    room: RoomName
    creator: CreatorName | None
    """Who owns the room: the `sub` of their token. Null if it was never opened."""
    guests: Annotated[list[str], like(["tomas"], [])]
    """
    The creators who are guests in the room (the `sub` of their tokens); they may be given to as
    well.
    """
    live: Annotated[bool, like(True)]
    """Whether a stream goes on now."""
    stream: StreamResponse | None
    """The stream that goes on; null if none does."""
    gifts: Annotated[int, in_unit("gifts", 120)]
    """How many gifts were ever sent in the room, each of any number of pieces."""
    coins: Annotated[Coins, like(48_000)]
    """What they cost in all, in coins, less what was charged back."""
    top_gifters: list[TopGifter]
    """The ten viewers who ever gave most openly in the room, those who gave most first."""
    last_event_id: Annotated[str, like("240")]
    """Where the room's feed stands: follow it with `after` of this, and you miss nothing."""


class GuestsResponse(Response):
    room: RoomName
    guests: Annotated[list[str], like(["tomas"], [])]
    """All guests of the room now (the `sub` of their tokens)."""


class Books(Response):
    """How many gifts were counted in how many rooms, and their coins."""

    rooms: Annotated[int, in_unit("rooms", 12)]
    """How many rooms were ever opened or given in."""
    gifts: Annotated[int, in_unit("gifts", 1_180)]
    """How many gifts were counted in them."""
    coins: Annotated[Coins, like(470_000)]
    """What those cost in all, in coins, less what was charged back."""


class OwnerRequest(Request):
    creator: CreatorId
    """Who owns the room from now on: the `sub` of their token."""


class OwnerResponse(Response):
    """Who owns a room; null: the next creator who opens it."""

    room: RoomName
    creator: CreatorName | None
    """
    Who owns the room: the `sub` of their token. Null for nobody: the next creator who opens it.
    """


@router.get("/rooms/{room}", tags=["rooms"], openapi_extra=ANY_CALLER)
async def read_room(room: RoomId, _: Caller, db: Db) -> RoomResponse:
    """Read a room's totals; a room without gifts has none."""
    async with db.transaction() as tx:
        totals = await gift_totals.read_room(tx, room)
        top = await list_top_gifters(tx, room, ALL, limit=TOP_GIFTERS)
        ownership = await store.find_ownership(tx, room)
        stream = await find_open_stream(tx, room)
    return RoomResponse(
        room=room,
        creator=ownership.creator if ownership else None,
        guests=list(ownership.guests) if ownership else [],
        live=stream is not None,
        stream=StreamResponse.model_validate(stream) if stream else None,
        gifts=totals.gifts,
        coins=totals.coins,
        top_gifters=[TopGifter.model_validate(each) for each in top],
        last_event_id=str(totals.sequence),
    )


@router.put(
    "/rooms/{room}/guests/{guest:person}",
    tags=["rooms"],
    responses={**OF_OWNERS, **refusals(TooManyGuests, TooOften)},
)
async def add_guest(
    room: RoomId, guest: GuestId, caller: Creator, db: Db, hub: FeedHub, cause: RequestCause
) -> GuestsResponse:
    """Add another creator as a guest of the room."""
    async with db.transaction() as tx:
        guests = await rooms.set_guest(
            tx, room, caller.user, guest, present=True, cause=cause, show=hub.show
        )
    return GuestsResponse(room=room, guests=guests)


@router.delete("/rooms/{room}/guests/{guest:person}", tags=["rooms"], responses=OF_OWNERS)
async def remove_guest(
    room: RoomId, guest: GuestId, caller: Creator, db: Db, hub: FeedHub, cause: RequestCause
) -> GuestsResponse:
    """Remove a guest from the room."""
    async with db.transaction() as tx:
        guests = await rooms.set_guest(
            tx, room, caller.user, guest, present=False, cause=cause, show=hub.show
        )
    return GuestsResponse(room=room, guests=guests)


@router.put(
    "/operator/live/rooms/{room}/owner", tags=["operator-rooms"], responses=refusals(ScopeMissing)
)
async def set_room_owner(
    room: RoomId,
    body: OwnerRequest,
    caller: RoomsOperator,
    db: Db,
    hub: FeedHub,
    cause: RequestCause,
) -> OwnerResponse:
    """Give a room to a creator, also before it is opened; a stream of another creator ends."""
    async with db.transaction() as tx:
        await rooms.set_owner(
            tx, room, body.creator, operator=caller.user, cause=cause, show=hub.show
        )
    return OwnerResponse(room=room, creator=body.creator)


@router.delete(
    "/operator/live/rooms/{room}/owner",
    tags=["operator-rooms"],
    responses=refusals(ScopeMissing, OwnMoney, NoSuchRoom),
)
async def release_room(
    room: RoomId, caller: RoomsOperator, db: Db, hub: FeedHub, cause: RequestCause
) -> OwnerResponse:
    """Take a room from its owner: the next creator who opens it owns it."""
    async with db.transaction() as tx:
        await rooms.set_owner(tx, room, None, operator=caller.user, cause=cause, show=hub.show)
    return OwnerResponse(room=room, creator=None)


@router.get("/operator/live/books", tags=["finance"], responses=refusals(ScopeMissing))
async def read_live_books(_: BooksReader, db: Db) -> Books:
    """Read what was counted in all rooms."""
    async with db.transaction() as tx:
        return Books.model_validate(await store.read_books(tx))
