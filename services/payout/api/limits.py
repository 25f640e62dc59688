"""What a creator may be paid now, and what the rest waits for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.payout.api.earnings import Hold
from services.payout.api.payouts import Creator, WiredRules
from services.payout.api.reviews import ReasonResponse, reason_responses
from services.payout.commands.queries import read_allowance
from services.payout.domain.exchange import NoExchangeRate
from services.payout.domain.limits import Allowance
from services.payout.domain.payouts import CreatorsOnly
from shared.errors import Refusal
from shared.http import Db, refusals
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["payouts"])

Currency = Annotated[
    str | None,
    Query(pattern=r"^[A-Z]{3}$", description="That money should arrive in; else that of the rate."),
]


class AllowanceResponse(BaseModel):
    """A limit: all of it, what is used and left, and when there is more."""

    total: int
    used: int
    left: int
    more_at: datetime | None


class MinimumResponse(BaseModel):
    """The least that is paid out, and how many diamonds are missing, pending ones not counted."""

    diamonds: int
    missing_diamonds: int


class ObstacleResponse(ReasonResponse):
    """What stands in the way of a payout now, and until when, if that is known."""

    until: datetime | None


class LimitsResponse(BaseModel):
    """
    What a creator may be paid now, and what the rest waits for.

    Amounts are minor units of `currency`, that of the operator's books. `pending` says when which
    diamonds become available, and why not before. `review` says why a person would look at a payout
    of all that is possible now. `currencies` are those that money can arrive in, and `obstacles`
    and `review` are about the account for `arrives_in`.
    """

    currency: str
    currencies: list[str]
    arrives_in: str
    available_diamonds: int
    payable_minor: int
    minimum: MinimumResponse
    day: AllowanceResponse
    seven_days: AllowanceResponse
    requests_today: AllowanceResponse
    obstacles: list[ObstacleResponse]
    pending: list[Hold]
    review: list[ReasonResponse]


@router.get("/payouts/limits", responses=refusals(Unauthenticated, CreatorsOnly, NoExchangeRate))
async def read_payout_limits(
    caller: Creator, db: Db, rules: WiredRules, currency: Currency = None
) -> LimitsResponse:
    """Read how much one may be paid now, and when more, and why."""
    async with db.transaction() as tx:
        found = await read_allowance(tx, caller.user, rules, currency=currency)
    return LimitsResponse(
        currency=found.limits.currency,
        currencies=found.currencies,
        arrives_in=found.arrives_in,
        available_diamonds=found.available_diamonds,
        payable_minor=found.payable_minor,
        minimum=MinimumResponse(
            diamonds=rules.minimum_diamonds,
            missing_diamonds=max(0, rules.minimum_diamonds - found.available_diamonds),
        ),
        day=allowance_response(found.limits.day),
        seven_days=allowance_response(found.limits.seven_days),
        requests_today=allowance_response(found.limits.requests),
        obstacles=[
            ObstacleResponse(code=each.code(), words=each.title(), until=_until(each))
            for each in found.obstacles
        ],
        pending=[Hold.model_validate(hold) for hold in found.pending],
        review=reason_responses(found.reasons),
    )


def allowance_response(allowance: Allowance) -> AllowanceResponse:
    return AllowanceResponse(
        total=allowance.total, used=allowance.used, left=allowance.left, more_at=allowance.more_at
    )


def _until(refusal: Refusal) -> datetime | None:
    until = refusal.facts.get("more_at", refusal.facts.get("usable_at"))
    return until if isinstance(until, datetime) else None
