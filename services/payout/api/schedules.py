"""A creator chooses to be paid automatically: every week, every month, or above an amount."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator

from services.payout.api.payouts import AskedCurrency, Creator, WiredRules
from services.payout.commands import schedules
from services.payout.domain.exchange import NoExchangeRate
from services.payout.domain.payouts import CreatorsOnly
from services.payout.domain.schedules import Schedule, ScheduleKind
from shared.contracts.base import in_unit, like
from shared.http import Db, refusals
from shared.http.bodies import Body
from shared.http.fields import CurrencyCode, Diamonds, Instant
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["payouts"])


class ScheduleRequest(Body):
    """
    When to be paid automatically.

    `above` looks once a day whether `threshold_diamonds` are available; the other kinds have none.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[ScheduleKind, like("above")]
    """
    How often a payout is requested: `weekly`, `monthly`, daily if there is enough (`above`), or
    never (`none`).
    """
    threshold_diamonds: (
        Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000), in_unit("diamonds", 10_000)]
        | None
    ) = None
    """How many diamonds have to be available, for `above`; null for every other kind."""
    currency: Annotated[AskedCurrency, like("USD")] | None = None
    """
    In which currency (ISO 4217) the money should arrive; null for that of the operator's books.
    """

    @model_validator(mode="after")
    def _has_a_threshold_or_not(self) -> Self:
        if (self.kind is ScheduleKind.ABOVE) is (self.threshold_diamonds is None):
            raise ValueError("threshold_diamonds belongs to `above`, and to nothing else")
        return self


class ScheduleResponse(Body):
    """
    What was chosen, when the next payout is requested, and what became of the last try.

    `last_refusal` is the code of what stood in the way; it is tried again the next day. It is null
    if the payout was requested.
    """

    kind: Annotated[ScheduleKind, like("above")]
    """
    How often a payout is requested: `weekly`, `monthly`, daily if there is enough (`above`), or
    never (`none`).
    """
    threshold_diamonds: Annotated[Diamonds, like(10_000)] | None
    """How many diamonds have to be available, for `above`; null for every other kind."""
    currency: CurrencyCode | None
    """In which currency the money arrives; null for that of the operator's books."""
    next_at: Annotated[Instant, like("2026-11-24T06:00:00Z")] | None
    """When a payout is requested next; null if none will be."""
    last_tried_at: Annotated[Instant | None, like(None, "2026-11-23T06:00:00Z")]
    """When one was last requested, or was to be; null if never."""
    last_refusal: Annotated[str | None, like(None, "below-minimum")]
    """
    The code of the problem that stood in the way then, and it is tried again next day; null if it
    was requested.
    """


@router.put(
    "/payouts/schedule",
    responses=refusals(Unauthenticated, CreatorsOnly, AgeUnknown, TooYoung, NoExchangeRate),
)
async def set_payout_schedule(
    wanted: ScheduleRequest, caller: Creator, db: Db, rules: WiredRules
) -> ScheduleResponse:
    """Choose when to be paid automatically; every payout is checked like any other."""
    if wanted.kind is not ScheduleKind.NONE:
        rules.ages.require(caller.age_verified, caller.country)
    schedule = Schedule(
        creator=caller.user,
        kind=wanted.kind,
        threshold_diamonds=wanted.threshold_diamonds,
        currency=wanted.currency,
        age_years=caller.age_verified,
        country=caller.country,
        next_at=None,
        last_tried_at=None,
        last_refusal=None,
    )
    async with db.transaction() as tx:
        return _response(await schedules.set_schedule(tx, schedule, rules, now=datetime.now(UTC)))


@router.get("/payouts/schedule", responses=refusals(Unauthenticated, CreatorsOnly))
async def read_payout_schedule(caller: Creator, db: Db) -> ScheduleResponse:
    """Read when one is paid automatically, and what became of the last try."""
    async with db.transaction() as tx:
        return _response(await schedules.read_schedule(tx, caller.user))


def _response(schedule: Schedule) -> ScheduleResponse:
    return ScheduleResponse(
        kind=schedule.kind,
        threshold_diamonds=schedule.threshold_diamonds,
        currency=schedule.currency,
        next_at=schedule.next_at,
        last_tried_at=schedule.last_tried_at,
        last_refusal=schedule.last_refusal,
    )
