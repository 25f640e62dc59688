"""What a creator may be paid now, and what the rest waits for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.payout.api.earnings import Hold
from services.payout.api.payouts import Creator, WiredRules
from services.payout.api.reviews import ReasonResponse, reason_responses
from services.payout.commands.queries import read_allowance
from services.payout.domain.exchange import NoExchangeRate
from services.payout.domain.limits import Allowance
from services.payout.domain.payouts import CreatorsOnly
from shared.contracts.base import like
from shared.errors import Refusal
from shared.http import Db, refusals
from shared.http.bodies import Body
from shared.http.fields import CurrencyCode, Diamonds, Instant, MinorUnits
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["payouts"])

Currency = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Z]{3}$",
        description="The currency (ISO 4217) in which money should arrive; without it, that of the"
        " creator's rate.",
        examples=["USD"],
    ),
]


class AllowanceResponse(Body):
    """A limit: all of it, what is used and left, and when there is more."""

    total: Annotated[int, like(50_000)]
    """The whole limit, in minor units of the books' currency, or in requests."""
    used: Annotated[int, like(1_000)]
    """How much of it is used, in the same units."""
    left: Annotated[int, like(49_000)]
    """How much of it is left, in the same units."""
    more_at: Annotated[Instant, like("2026-11-24T00:00:00Z")] | None
    """When more is left again; null if nothing is used."""


class MinimumResponse(Body):
    """The least that is paid out, and how many diamonds are missing, pending ones not counted."""

    diamonds: Annotated[Diamonds, like(2_000)]
    """The least number of diamonds that is paid out."""
    missing_diamonds: Annotated[Diamonds, like(0)]
    """How many available ones are missing to that; 0 if there are enough."""


class ObstacleResponse(ReasonResponse):
    """What stands in the way of a payout now, and until when, if that is known."""

    until: Annotated[Instant | None, like(None, "2026-11-26T12:00:00Z")]
    """Until when it stands in the way; null if it does not end by itself."""


class LimitsResponse(Body):
    """
    What a creator may be paid now, and what the rest waits for.

    Amounts are minor units of `currency`, that of the operator's books. `pending` says when which
    diamonds become available, and why not before. `review` says why a person would look at a payout
    of all that is possible now. `currencies` are those that money can arrive in, and `obstacles`
    and `review` are about the account for `arrives_in`.
    """

    currency: Annotated[CurrencyCode, like("USD")]
    """The currency (ISO 4217) of the operator's books, in which all amounts here are counted."""
    currencies: Annotated[list[str], like(["USD", "EUR"])]
    """The currencies (ISO 4217) in which money can arrive."""
    arrives_in: Annotated[str, like("USD")]
    """The currency (ISO 4217) that `obstacles` and `review` are about: the one asked for."""
    available_diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds can be paid out, before limits."""
    payable_minor: Annotated[MinorUnits, like(1_000)]
    """What can be paid out now at most, within all limits."""
    minimum: Annotated[MinimumResponse, like({"diamonds": 2_000, "missing_diamonds": 0})]
    """The least that is paid out."""
    day: AllowanceResponse
    """What may be asked for on one calendar day of the operator's time zone."""
    seven_days: AllowanceResponse
    """What may be asked for within seven days."""
    requests_today: Annotated[
        AllowanceResponse,
        like({"total": 3, "used": 1, "left": 2, "more_at": "2026-11-24T00:00:00Z"}),
    ]
    """How many payouts may be requested on one calendar day."""
    obstacles: Annotated[list[ObstacleResponse], like([])]
    """
    What stands in the way of a payout now, what the creator can act on first; empty if nothing
    does.
    """
    pending: list[Hold]
    """The diamonds that mature later, by when and why."""
    review: Annotated[list[ReasonResponse], like([])]
    """Why a person would look at a payout of all that is possible now; empty if nobody would."""


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
