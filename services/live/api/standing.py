"""Who gave most, levels, and whether one wants to be named."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from services.live.api.asking import Creator, View, Wish
from services.live.commands import standing
from services.live.commands.standing import RANKS_MAX, Period
from services.live.domain.levels import coins_of_next
from services.live.domain.rooms import CreatorsOnly, NotLive
from services.live.store.standing import Badge
from shared.http import (
    BadCursor,
    Limit,
    Name,
    Page,
    decode_cursor,
    encode_cursor,
    refusals,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database

PAGE = 20
STANDING = 10


class TopGifter(View):
    """A viewer who gave much, openly, with the level of what they gave openly in all rooms."""

    viewer: str
    coins: int
    gifts: int
    level: int


class OwnPlace(View):
    """Where the caller stands; `rank` is null beyond the first hundred, and when hidden."""

    viewer: str
    coins: int
    gifts: int
    rank: int | None


class StandingView(View):
    """
    Who gave most in a room; of equals, who came first.

    The totals count everybody, also who is anonymous or hidden; `gifters` are those who gave
    openly. Only as many as `ranks_max` have a rank.
    """

    room: str
    period: Period
    gifts: int
    coins: int
    gifters: int
    top_gifters: list[TopGifter]
    me: OwnPlace
    ranks_max: int


class GifterView(View):
    """
    One's own level: `next_level_coins` is where the next begins, null after the last.

    It counts what one gave anonymously too. Others see the level of what one gave openly.
    """

    viewer: str
    level: int
    given_coins: int
    gifts: int
    next_level_coins: int | None
    hidden: bool


class GifterWish(Wish):
    """Whether to be left out of the names in standings; what one gives counts either way."""

    hidden: Annotated[bool, Field(strict=True)]


class SupporterView(View):
    """What a viewer gave to the caller openly, since when; the level is of open gifts too."""

    viewer: str
    coins: int
    gifts: int
    first_at: datetime
    level: int


def add_routes(router: APIRouter, database: Database) -> None:
    _add_standing(router, database)
    _add_gifter(router, database)
    _add_supporters(router, database)


def _add_standing(router: APIRouter, database: Database) -> None:
    @router.get(
        "/rooms/{room}/standing",
        tags=["rooms"],
        responses=refusals(Unauthenticated, NotLive),
        openapi_extra=ANY_CALLER,
    )
    async def read_standing(
        room: Name, caller: Caller, period: Period = Period.ALL, limit: Limit = STANDING
    ) -> StandingView:
        """Read who gave most in a room in this stream, this day, this week, or ever."""
        async with database.transaction() as tx:
            found = await standing.standing(
                tx, room, period, caller.user, now=datetime.now(UTC), limit=limit
            )
        return StandingView(
            room=room,
            period=period,
            **asdict(found.total),
            top_gifters=[TopGifter.model_validate(gifter) for gifter in found.top],
            me=OwnPlace.model_validate(found.own),
            ranks_max=RANKS_MAX,
        )


def _add_gifter(router: APIRouter, database: Database) -> None:
    @router.get("/gifters/me", tags=["gifters"], responses=refusals(Unauthenticated))
    async def read_gifter(caller: Caller) -> GifterView:
        """Read one's own level."""
        async with database.transaction() as tx:
            return _gifter(await standing.badge(tx, caller.user))

    @router.put("/gifters/me", tags=["gifters"], responses=refusals(Unauthenticated))
    async def change_gifter(wish: GifterWish, caller: Caller) -> GifterView:
        """Be left out of the names in standings, or be named again."""
        async with database.transaction() as tx:
            return _gifter(await standing.set_hidden(tx, caller.user, hidden=wish.hidden))


def _add_supporters(router: APIRouter, database: Database) -> None:
    @router.get(
        "/creators/me/supporters",
        tags=["creators"],
        responses=refusals(Unauthenticated, CreatorsOnly, BadCursor),
    )
    async def list_supporters(
        caller: Creator,
        order: Annotated[
            Literal["top", "new"], Query(description="Who gave most, or who came last.")
        ] = "top",
        cursor: str | None = None,
        limit: Limit = PAGE,
    ) -> Page[SupporterView]:
        """List who gave to the caller openly; `order=new` is whom to greet."""
        async with database.transaction() as tx:
            if order == "top":
                top = _top_place(cursor)
                found = await standing.supporters(tx, caller.user, after=top, limit=limit + 1)
            else:
                new = _new_place(cursor)
                found = await standing.newest_supporters(
                    tx, caller.user, before=new, limit=limit + 1
                )
        more = len(found) > limit
        items = [SupporterView.model_validate(one) for one in found[:limit]]
        if not more:
            return Page(items=items, next_cursor=None)
        end = items[-1]
        place: list[str | int] = [end.first_at.isoformat(), end.viewer]
        if order == "top":
            place.insert(0, end.coins)
        return Page(items=items, next_cursor=encode_cursor(place))


def _gifter(badge: Badge) -> GifterView:
    return GifterView(
        viewer=badge.viewer,
        level=badge.level,
        given_coins=badge.coins,
        gifts=badge.gifts,
        next_level_coins=coins_of_next(badge.level),
        hidden=badge.hidden,
    )


def _top_place(cursor: str | None) -> tuple[int, datetime, str] | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [int(coins), str(at), str(viewer)]:
            return coins, _moment(at), viewer
        case _:
            raise BadCursor


def _new_place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(at), str(viewer)]:
            return _moment(at), viewer
        case _:
            raise BadCursor


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise BadCursor from None
    if moment.tzinfo is None:
        raise BadCursor
    return moment
