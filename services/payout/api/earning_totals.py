"""A creator reads what a period brought them, by stream or by type of gift."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from services.payout.api.payouts import Creator
from services.payout.domain import earning_totals as domain
from services.payout.domain.earning_totals import PERIOD_DAYS, PERIOD_DAYS_MAX, BadPeriod, period_of
from services.payout.domain.payouts import CreatorsOnly
from services.payout.store import earning_totals as store
from shared.contracts.base import in_unit, like
from shared.http import Db, Limit, Moment, refusals
from shared.http.bodies import Body
from shared.http.fields import (
    Coins,
    CreatorName,
    Diamonds,
    GiftTypeId,
    Instant,
    RoomName,
    StreamId,
)
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Transaction

router = APIRouter(tags=["earnings"])

GIFT = "gift"
By = Annotated[
    Literal["stream", "gift"],
    Query(
        description="By what earnings are summed up: the streams that gifts were sent in, or the"
        " types of gifts.",
        examples=["stream"],
    ),
]
Since = Annotated[
    Moment | None,
    Query(
        alias="from",
        description=f"From when on gifts count, by when they were sent; without it {PERIOD_DAYS}"
        f" days before `to`. At most {PERIOD_DAYS_MAX} days before it.",
        examples=["2026-11-01T00:00:00Z"],
    ),
]
Until = Annotated[
    Moment | None,
    Query(
        alias="to",
        description="Until when gifts count, this instant excluded; without it now.",
        examples=["2026-12-01T00:00:00Z"],
    ),
]


class EarningTotals(Body):
    """What gifts brought a creator."""

    model_config = ConfigDict(from_attributes=True)

    gifts: Annotated[int, in_unit("gifts", 12)]
    """How many gifts that was, each of any number of pieces."""
    pieces: Annotated[int, in_unit("pieces", 15)]
    """How many pieces they held in all."""
    coins: Annotated[Coins, like(1_200)]
    """What they cost in coins, also those that were charged back later."""
    diamonds: Annotated[Diamonds, like(600)]
    """What they brought, less what was taken back."""
    reversed_diamonds: Annotated[Diamonds, like(0)]
    """How many diamonds were taken back, because payments were charged back."""


class EarningStream(Body):
    """The stream that gifts were sent in: one's own, or one in which one was a guest."""

    model_config = ConfigDict(from_attributes=True)

    stream: StreamId
    room: RoomName
    creator: CreatorName
    """Who went live: the `sub` of their token."""
    opened_at: Instant
    """When it began."""
    closed_at: Annotated[Instant | None, like(None, "2026-11-23T14:00:00Z")]
    """When it ended; null while it is live."""


class EarningGroup(EarningTotals):
    """What gifts of one type, or in one stream, brought."""

    gift_type: Annotated[GiftTypeId | None, like(None, "g_pebble")]
    """
    The catalogue's id of the gifts; null by stream, and for gifts of which it was not kept.
    """
    stream: EarningStream | None
    """The stream they were sent in; null by gift."""


class PeriodEarnings(Body):
    """
    What a period brought, by stream (the newest first) or by gift (what brought most first).

    `total` is of all gifts of the period: those outside any stream, or beyond `limit`, are in it
    and in no item.
    """

    since: Annotated[Instant, like("2026-11-01T00:00:00Z")]
    """From when on gifts counted."""
    until: Annotated[Instant, like("2026-12-01T00:00:00Z")]
    """Until when they counted, this instant excluded."""
    total: EarningTotals
    """What all gifts of the period brought."""
    items: list[EarningGroup]
    """One line for each stream, or for each type of gift."""


@router.get("/creators/me/earnings", responses=refusals(Unauthenticated, CreatorsOnly, BadPeriod))
async def list_period_earnings(
    caller: Creator,
    db: Db,
    by: By = "stream",
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
) -> PeriodEarnings:
    """Read what a period brought, by stream or by type of gift."""
    begin, end = period_of(since, until, now=datetime.now(UTC))
    async with db.transaction() as tx:
        total = await store.read_total(tx, caller.user, begin, end)
        items = await _list(tx, by, caller.user, begin, end, limit)
    return PeriodEarnings(
        since=begin, until=end, total=EarningTotals.model_validate(total), items=items
    )


async def _list(
    tx: Transaction, by: str, creator: str, begin: datetime, end: datetime, limit: int
) -> list[EarningGroup]:
    if by == GIFT:
        gifts = await store.list_by_gift(tx, creator, begin, end, limit=limit)
        return [_of_gift(each) for each in gifts]
    streams = await store.list_by_stream(tx, creator, begin, end, limit=limit)
    return [_of_stream(each) for each in streams]


def _of_gift(each: domain.GiftEarnings) -> EarningGroup:
    return EarningGroup(gift_type=each.gift_type, stream=None, **asdict(each.totals))


def _of_stream(each: domain.StreamEarnings) -> EarningGroup:
    return EarningGroup(
        gift_type=None, stream=EarningStream.model_validate(each), **asdict(each.totals)
    )
