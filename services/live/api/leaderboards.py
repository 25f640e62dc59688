"""Who gave most in a room."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.live.api.bodies import Response, TopGifter
from services.live.commands import queries
from services.live.domain.leaderboards import RANKS_MAX, TOP_GIFTERS, Period
from services.live.domain.streams import NotLive
from shared.contracts.base import in_unit, like
from shared.http import Db, Limit, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import Coins, RoomId, RoomName, ViewerName

router = APIRouter(tags=["rooms"])

Counted = Annotated[
    Period,
    Query(
        description="What counts: this stream, this day or week in UTC, or all that was given.",
        examples=["week"],
    ),
]


class OwnRank(Response):
    """Where the caller stands; `rank` is null beyond the first hundred, and when hidden."""

    viewer: ViewerName
    coins: Annotated[Coins, like(400)]
    """What the caller gave here in this time openly, in coins, less what was charged back."""
    gifts: Annotated[int, in_unit("gifts", 4)]
    """How many gifts that was, each of any number of pieces."""
    rank: Annotated[int, like(1)] | None
    """Their place, from 1; null beyond `ranks_max`, if they are hidden, and if they gave none."""


class LeaderboardResponse(Response):
    """
    Who gave most in a room; of equals, who came first.

    The totals count every viewer, also anonymous and hidden ones; `gifters` are those who gave
    openly. Only as many as `ranks_max` have a rank.
    """

    room: RoomName
    period: Period
    """
    What is counted: this `stream`, this `day` or `week` (from Monday, in UTC), or `all` that was
    ever given.
    """
    gifts: Annotated[int, in_unit("gifts", 12)]
    """How many gifts were sent in the room in this period, anonymous ones included."""
    coins: Annotated[Coins, like(1_200)]
    """What they cost in all, in coins, less what was charged back."""
    gifters: Annotated[int, in_unit("viewers", 4)]
    """How many viewers gave openly."""
    top_gifters: list[TopGifter]
    """Those who gave most openly and are not hidden, as many as `limit` asked for."""
    me: OwnRank
    """Where the caller stands."""
    ranks_max: Annotated[int, like(100)]
    """How many viewers have a rank; those behind them have none."""


@router.get(
    "/rooms/{room}/standing",
    responses=refusals(NotLive),
    openapi_extra=ANY_CALLER,
)
async def read_leaderboard(
    room: RoomId, caller: Caller, db: Db, period: Counted = Period.ALL, limit: Limit = TOP_GIFTERS
) -> LeaderboardResponse:
    """Read who gave most in a room in this stream, this day, this week, or ever."""
    async with db.transaction() as tx:
        found = await queries.read_leaderboard(
            tx, room, period, caller.user, now=datetime.now(UTC), limit=limit
        )
    return LeaderboardResponse(
        room=room,
        period=period,
        **asdict(found.total),
        top_gifters=[TopGifter.model_validate(each) for each in found.top],
        me=OwnRank.model_validate(found.own),
        ranks_max=RANKS_MAX,
    )
