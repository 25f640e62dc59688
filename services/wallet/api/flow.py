"""Operators see how many coins are bought and given, by the hour."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.wallet.commands import flow as commands
from shared.backoffice.operations import OperationsReader
from shared.contracts.base import like
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import Coins, Instant
from shared.identity.tokens import Unauthenticated

Hours = Annotated[
    int,
    Query(ge=1, le=commands.HOURS_MAX, description="How many hours, at most.", examples=[24]),
]


class FlowHour(Body):
    """What moved in an hour, of all viewers together."""

    begins_at: Annotated[Instant, like("2026-11-23T11:00:00Z")]
    """When the hour begins; in UTC, whole hours."""
    bought_coins: Annotated[Coins, like(125_000)]
    """How many coins came with purchases, bonuses and promo codes among them."""
    given_coins: Annotated[Coins, like(98_400)]
    """How many coins paid gifts."""
    closed: Annotated[bool, like(True)]
    """Whether the sums are final. An hour is closed ten minutes after its end."""


class CoinFlow(Body):
    """Coins that were bought and given, by the hour."""

    as_of: Instant
    """When it was read."""
    hours: list[FlowHour]
    """
    The newest hours, the oldest first. Of hours that are not closed those are missing in which too
    much moves to be summed up at once, and after an outage those that are yet to be summed up.
    """


router = APIRouter(tags=["finance"])


@router.get("/operator/wallet/flow", responses=refusals(Unauthenticated, ScopeMissing))
async def read_coin_flow(_: OperationsReader, db: AllParts, hours: Hours = 24) -> CoinFlow:
    """Read how many coins were bought and given in each of the last hours."""
    now = datetime.now(UTC)
    found = await commands.read_flow(db, now=now, hours=hours)
    items = [
        FlowHour(
            begins_at=each.hour,
            bought_coins=each.bought_coins,
            given_coins=each.given_coins,
            closed=closed,
        )
        for each, closed in found
    ]
    return CoinFlow(as_of=now, hours=items[-hours:])
