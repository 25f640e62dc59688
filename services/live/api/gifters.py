"""One's own level, whether leaderboards name one, and the supporters of a creator."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from services.live.api.bodies import Request, Response
from services.live.api.dependencies import Creator
from services.live.domain.rooms import CreatorsOnly
from services.live.store import gifters
from shared.contracts.base import in_unit, like
from shared.http import BadCursor, Db, Limit, Page, decode_cursor, exact_page, refusals
from shared.http.auth import Caller
from shared.http.fields import Coins, Instant, ViewerName
from shared.http.pages import Cursor

PAGE = 20
Order = Annotated[
    Literal["top", "new"],
    Query(
        description="Who comes first: who gave most, or who gave last for the first time.",
        examples=["top"],
    ),
]

router = APIRouter(tags=["gifters"])


class GifterResponse(Response):
    """
    One's own level: `next_level_coins` is where the next begins, null after the last.

    It counts what one gave anonymously too. Others see the level of what one gave openly.
    """

    viewer: ViewerName
    """The caller: the `sub` of their token."""
    level: Annotated[int, like(3)]
    """Their level, from 0 to 50, by `given_coins`."""
    given_coins: Annotated[Coins, like(400)]
    """What they ever gave in coins, anonymously too, less what was charged back."""
    gifts: Annotated[int, in_unit("gifts", 4)]
    """How many gifts that was, each of any number of pieces."""
    next_level_coins: Coins | None
    """At how many `given_coins` the next level begins; null at level 50."""
    hidden: bool
    """Whether leaderboards leave them out of the names."""


class Supporter(Response):
    """What a viewer gave to the caller openly, since when; the level is of open gifts too."""

    viewer: ViewerName
    coins: Annotated[Coins, like(400)]
    """What they gave to the caller openly, in coins, less what was charged back."""
    gifts: Annotated[int, in_unit("gifts", 4)]
    """How many gifts that was, each of any number of pieces."""
    first_at: Instant
    """When they gave to the caller openly for the first time."""
    level: Annotated[int, like(3)]
    """Their level, from 0 to 50, by what they gave openly in all rooms."""


class GifterRequest(Request):
    """Whether to be left out of the names in standings; what one gives counts either way."""

    hidden: Annotated[bool, Field(strict=True, examples=[True, False])]
    """Whether to be left out of the names in leaderboards. What one gives counts either way."""


@router.get("/gifters/me")
async def read_gifter(caller: Caller, db: Db) -> GifterResponse:
    """Read one's own level."""
    async with db.transaction() as tx:
        return GifterResponse.model_validate(await gifters.read_own_level(tx, caller.user))


@router.put("/gifters/me")
async def change_gifter(body: GifterRequest, caller: Caller, db: Db) -> GifterResponse:
    """Be left out of the names in standings, or be named again."""
    async with db.transaction() as tx:
        await gifters.set_hidden(tx, caller.user, hidden=body.hidden)
        return GifterResponse.model_validate(await gifters.read_own_level(tx, caller.user))


@router.get("/creators/me/supporters", responses=refusals(CreatorsOnly, BadCursor))
async def list_supporters(
    caller: Creator,
    db: Db,
    order: Order = "top",
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[Supporter]:
    """List who gave to the caller openly; `order=new` is whom to greet."""
    values = decode_cursor(cursor) if cursor is not None else None
    async with db.transaction() as tx:
        if order == "top":
            after = _top_place(values) if values is not None else None
            found = await gifters.list_top_supporters(tx, caller.user, after=after, limit=limit + 1)
            return exact_page(
                found, limit, lambda last: [last.coins, *_place(last)], Supporter.model_validate
            )
        before = _new_place(values) if values is not None else None
        found = await gifters.list_new_supporters(tx, caller.user, before=before, limit=limit + 1)
        return exact_page(found, limit, _place, Supporter.model_validate)


def _place(supporter: gifters.Supporter) -> list[str | int]:
    return [supporter.first_at.isoformat(), supporter.viewer]


def _top_place(values: Sequence[str | int]) -> tuple[int, datetime, str]:
    match values:
        case [int(coins), *rest]:
            return coins, *_new_place(rest)
        case _:
            raise BadCursor


def _new_place(values: Sequence[str | int]) -> tuple[datetime, str]:
    match values:
        case [str(at), str(viewer)]:
            try:
                moment = datetime.fromisoformat(at)
            except ValueError:
                raise BadCursor from None
            if moment.tzinfo is not None:
                return moment, viewer
    raise BadCursor
