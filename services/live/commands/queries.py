"""What the API reads and more than one table answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.live.domain.gift_totals import ALL, Gift, day_of, stream_of, week_of
from services.live.domain.goals import Goal
from services.live.domain.leaderboards import RANKS_MAX, TOP_GIFTERS, Period
from services.live.domain.perks import Entitlement, NoSuchEntitlement, NoSuchGift
from services.live.domain.rooms import require_owner
from services.live.domain.streams import NoSuchStream, NotLive, Stream
from services.live.store.entitlements import find_entitlement
from services.live.store.gift_totals import find_gifts
from services.live.store.gifters import list_newcomers
from services.live.store.goals import (
    list_goals_of_creator,
    list_goals_of_room,
    list_goals_reached,
)
from services.live.store.leaderboards import (
    Leaderboard,
    TopGifter,
    Total,
    list_top_gifters,
    read_total,
)
from services.live.store.leaderboards import read_leaderboard as read_period
from services.live.store.rooms import find_ownership, list_owned
from services.live.store.streams import (
    StreamTotals,
    find_open_stream,
    find_stream,
    list_open_streams_of,
    list_streams,
)
from shared.identity.people import require_other_person
from shared.postgres.database import Transaction

NEWCOMERS_MAX = 100


async def find_gift(tx: Transaction, gift: UUID, *, operator: str) -> Gift:
    """Return a gift that was sent, unless the operator gave or got it."""
    found = (await find_gifts(tx, [gift])).get(gift)
    if found is None:
        raise NoSuchGift
    for person in (found.viewer, found.creator):
        require_other_person(operator=operator, user=person)
    return found


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream, what was given to it, by whom, by whom first, and the goals it reached."""

    stream: Stream
    total: Total
    top: list[TopGifter]
    newcomers: list[str]
    goals_reached: list[Goal]


@dataclass(frozen=True, slots=True)
class OwnRoom:
    """A room of a creator, since when it is theirs, and the stream that goes on in it."""

    room: str
    owned_since: datetime | None
    stream: Stream | None


async def read_leaderboard(
    tx: Transaction, room: str, period: Period, viewer: str, *, now: datetime, limit: int
) -> Leaderboard:
    """Return a room's leaderboard: of the open stream, of this day or week in UTC, or of all."""
    if period is Period.STREAM:
        stream = await find_open_stream(tx, room)
        if stream is None:
            raise NotLive
        name = stream_of(stream.stream)
    else:
        name = {Period.DAY: day_of(now), Period.WEEK: week_of(now), Period.ALL: ALL}[period]
    return await read_period(tx, room, name, viewer, limit=limit, ranks_max=RANKS_MAX)


async def list_own_streams(
    tx: Transaction, room: str, creator: str, *, before: int | None, limit: int
) -> list[StreamTotals]:
    require_owner(await find_ownership(tx, room), creator)
    return await list_streams(tx, room, before=before, limit=limit)


async def list_own_rooms(tx: Transaction, creator: str, *, limit: int) -> list[OwnRoom]:
    """Return a creator's rooms with the streams that go on in them, by name."""
    live = {each.room: each for each in await list_open_streams_of(tx, creator)}
    owned = await list_owned(tx, creator, limit)
    return [OwnRoom(each.room, each.owned_since, live.get(each.room)) for each in owned]


async def read_stream(tx: Transaction, room: str, creator: str, identifier: UUID) -> StreamSummary:
    require_owner(await find_ownership(tx, room), creator)
    stream = await find_stream(tx, room, identifier)
    if stream is None:
        raise NoSuchStream
    period, since, until = stream_of(identifier), stream.opened_at, stream.closed_at
    return StreamSummary(
        stream=stream,
        total=await read_total(tx, room, period),
        top=await list_top_gifters(tx, room, period, limit=TOP_GIFTERS),
        newcomers=await list_newcomers(tx, creator, since, until, limit=NEWCOMERS_MAX),
        goals_reached=await list_goals_reached(tx, room, since, until),
    )


async def list_goals(tx: Transaction, room: str, caller: str) -> list[Goal]:
    """Return a room's goals; its creator sees their income goals as well."""
    found = await list_goals_of_room(tx, room)
    ownership = await find_ownership(tx, room)
    if ownership is not None and ownership.creator == caller:
        found += [goal for goal in await list_goals_of_creator(tx, caller) if goal.room is None]
    return found


async def read_entitlement(tx: Transaction, user: str, identifier: UUID) -> Entitlement:
    """Return an entitlement to its viewer and to its creator; for others there is none."""
    found = await find_entitlement(tx, identifier)
    if found is None or user not in (found.viewer, found.creator):
        raise NoSuchEntitlement
    return found
