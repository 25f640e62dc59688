"""A creator chooses to be paid automatically: every week, every month, or above an amount."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.payout.api.payouts import Creator, CurrencyCode, WiredRules
from services.payout.commands import schedules
from services.payout.domain.exchange import NoExchangeRate
from services.payout.domain.payouts import CreatorsOnly
from services.payout.domain.schedules import Schedule, ScheduleKind
from shared.http import Db, refusals
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["payouts"])


class ScheduleRequest(BaseModel):
    """
    When to be paid automatically.

    `above` looks once a day whether `threshold_diamonds` are available; the other kinds have none.
    """

    model_config = ConfigDict(extra="forbid")

    kind: ScheduleKind
    threshold_diamonds: Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)] | None = None
    currency: CurrencyCode | None = None

    @model_validator(mode="after")
    def _has_a_threshold_or_not(self) -> Self:
        if (self.kind is ScheduleKind.ABOVE) is (self.threshold_diamonds is None):
            raise ValueError("threshold_diamonds belongs to `above`, and to nothing else")
        return self


class ScheduleResponse(BaseModel):
    """
    What was chosen, when the next payout is requested, and what became of the last try.

    `last_refusal` is the code of what stood in the way; it is tried again the next day. It is null
    if the payout was requested.
    """

    kind: ScheduleKind
    threshold_diamonds: int | None
    currency: str | None
    next_at: datetime | None
    last_tried_at: datetime | None
    last_refusal: str | None


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
