"""Who gave most, and where one stands oneself."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.live.domain.gifts import ALL, Room, day_of, stream_of, week_of
from services.live.domain.rooms import NotLive
from services.live.store import counting, stages
from services.live.store import standing as store
from services.live.store.standing import Badge, Own, Supporter, Top, Total
from shared.postgres.database import Transaction

TOP_GIFTERS = 10
# Own ranks are counted no further: nobody's request may walk through a million others.
RANKS_MAX = 100


class Period(Enum):
    STREAM = "stream"
    DAY = "day"
    WEEK = "week"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who gave most in a room and period, what all gave, and where the caller is."""

    top: list[Top]
    total: Total
    own: Own


async def look(tx: Transaction, room: str) -> tuple[Room, list[Top]]:
    """Return a room's totals and who gave most."""
    return (
        await counting.room(tx, room),
        await store.top_gifters(tx, room, ALL, limit=TOP_GIFTERS),
    )


async def standing(
    tx: Transaction, room: str, period: Period, viewer: str, *, now: datetime, limit: int
) -> Standing:
    """Return a room's standing; of the stream that goes on, of this day or week in UTC, or all."""
    name = await _name(tx, room, period, now)
    return Standing(*await store.standing(tx, room, name, viewer, limit=limit, ranks_max=RANKS_MAX))


async def _name(tx: Transaction, room: str, period: Period, now: datetime) -> str:
    if period is Period.STREAM:
        stream = await stages.current(tx, room)
        if stream is None:
            raise NotLive
        return stream_of(stream.stream)
    return {Period.DAY: day_of(now), Period.WEEK: week_of(now), Period.ALL: ALL}[period]


async def badge(tx: Transaction, viewer: str) -> Badge:
    return await store.badge(tx, viewer)


async def set_hidden(tx: Transaction, viewer: str, *, hidden: bool) -> Badge:
    """Let a viewer be named in standings, or not; what they give counts either way."""
    await store.set_hidden(tx, viewer, hidden=hidden)
    return await store.badge(tx, viewer)


async def supporters(
    tx: Transaction, creator: str, *, after: tuple[int, datetime, str] | None, limit: int
) -> list[Supporter]:
    return await store.supporters_by_coins(tx, creator, after=after, limit=limit)


async def newest_supporters(
    tx: Transaction, creator: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[Supporter]:
    return await store.newest_supporters(tx, creator, before=before, limit=limit)
