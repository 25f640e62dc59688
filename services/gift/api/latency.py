"""Operators see how long gifts take, by the minute."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter

from services.gift.commands import latency as commands
from shared.backoffice.operations import OperationsReader
from shared.contracts.base import in_unit, like
from shared.http import AllParts, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import Instant
from shared.identity.tokens import Unauthenticated


class LatencyMinute(Body):
    """How long gifts took that were decided in a minute: from the request to the outcome."""

    begins_at: Annotated[Instant, like("2026-11-23T11:59:00Z")]
    """When the minute begins."""
    gifts: Annotated[int, in_unit("gifts", 100)]
    """Of how many gifts the times are: up to about a hundred of each minute are looked at."""
    p50_ms: Annotated[int, in_unit("milliseconds", 28)]
    """Half of them took no longer."""
    p95_ms: Annotated[int, in_unit("milliseconds", 74)]
    """95 of a hundred took no longer."""


class GiftLatency(Body):
    """How long gifts take, from the request to the outcome, in each of the last sixty minutes."""

    as_of: Instant
    """When it was read."""
    minutes: list[LatencyMinute]
    """The minutes in which gifts were decided, the oldest first; whole minutes alone."""


router = APIRouter(tags=["finance"])


@router.get("/operator/gift/latency", responses=refusals(Unauthenticated, ScopeMissing))
async def read_gift_latency(_: OperationsReader, db: AllParts) -> GiftLatency:
    """Read how long gifts took, from the request to the outcome, by the minute."""
    now = datetime.now(UTC)
    items = [
        LatencyMinute(
            begins_at=each.minute, gifts=each.gifts, p50_ms=each.p50_ms, p95_ms=each.p95_ms
        )
        for each in await commands.read_latency(db, now=now)
    ]
    return GiftLatency(as_of=now, minutes=items)
