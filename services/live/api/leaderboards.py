"""Who gave most in a room."""

from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter

from services.live.api.bodies import Response
from services.live.commands import queries
from services.live.domain.leaderboards import RANKS_MAX, TOP_GIFTERS, Period
from services.live.domain.streams import NotLive
from services.live.store.leaderboards import OwnRank, TopGifter
from shared.http import Db, Limit, Name, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller

router = APIRouter(tags=["rooms"])


class LeaderboardResponse(Response):
    """
    Who gave most in a room; of equals, who came first.

    The totals count every viewer, also anonymous and hidden ones; `gifters` are those who gave
    openly. Only as many as `ranks_max` have a rank.
    """

    room: str
    period: Period
    gifts: int
    coins: int
    gifters: int
    top_gifters: list[TopGifter]
    me: OwnRank
    ranks_max: int


@router.get(
    "/rooms/{room}/standing",
    responses=refusals(NotLive),
    openapi_extra=ANY_CALLER,
)
async def read_leaderboard(
    room: Name, caller: Caller, db: Db, period: Period = Period.ALL, limit: Limit = TOP_GIFTERS
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
        top_gifters=found.top,
        me=found.own,
        ranks_max=RANKS_MAX,
    )
