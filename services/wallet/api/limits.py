"""Viewers set spending limits, and read what they have spent of them."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.wallet.commands import exclusions, limits
from services.wallet.domain.limits import Period, Rules
from shared.http import Db, OwnUser, from_state, refusals
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Part
from shared.quotas.rules import TooOften

AMOUNT_MAX = 1_000_000_000
Unit = Annotated[str, Field(pattern=r"^(coins|[A-Z]{3})$")]
SpendingRules = Annotated[Rules, from_state("rules")]

router = APIRouter(tags=["limits"])


class LimitRequest(BaseModel):
    """How much may be spent, in coins or in minor units of a currency; null for no limit."""

    model_config = ConfigDict(extra="forbid")

    unit: Unit
    amount: Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)] | None


class LimitResponse(BaseModel):
    """A limit in force, what was spent of it, and what it becomes when."""

    model_config = ConfigDict(from_attributes=True)

    period: Period
    unit: str
    set_by: str
    amount: int | None
    spent: int
    starts_on: date
    next_amount: int | None
    next_from: datetime | None


class Limits(BaseModel):
    """Every limit a viewer has, and until when they have excluded themselves."""

    limits: list[LimitResponse]
    excluded_until: datetime | None


class SpentMoney(BaseModel):
    """What was spent of coins bought in one currency, and what those coins had cost."""

    currency: str
    coins: int
    amount_minor: int


class Spending(BaseModel):
    """What a viewer has spent this calendar month."""

    coins: int
    money: list[SpentMoney]


@router.get("/wallets/{user:person}/limits", responses=refusals(Unauthenticated, NotYours))
async def read_spending_limits(user: OwnUser, db: Db, rules: SpendingRules) -> Limits:
    """Read one's limits: one's own, and those that hold for everyone."""
    return await limits_of(db, user, rules)


@router.put(
    "/wallets/{user:person}/limits/{period}",
    responses=refusals(Unauthenticated, NotYours, TooOften),
)
async def set_spending_limit(
    user: OwnUser, period: Period, wanted: LimitRequest, db: Db, rules: SpendingRules
) -> Limits:
    """Limit what one can spend: a lower limit counts at once, a higher one a day later."""
    async with db.transaction() as tx:
        await limits.set_limit(
            tx, user, period=period, unit=wanted.unit, amount=wanted.amount, rules=rules
        )
    return await limits_of(db, user, rules)


@router.get("/wallets/{user:person}/spending", responses=refusals(Unauthenticated, NotYours))
async def read_spending(user: OwnUser, db: Db, rules: SpendingRules) -> Spending:
    """Read what one has spent this month, in coins and in the money they had cost."""
    async with db.transaction() as tx:
        spent = await limits.read_spending(tx, user, rules, now=datetime.now(UTC))
    return Spending(
        coins=sum(each.coins for each in spent.values()),
        money=[
            SpentMoney(currency=currency, coins=each.coins, amount_minor=each.amount_minor)
            for currency, each in sorted(spent.items())
            if each.amount_minor
        ],
    )


async def limits_of(part: Part, user: str, rules: Rules) -> Limits:
    """Read every limit of a user that is in force."""
    now = datetime.now(UTC)
    async with part.transaction() as tx:
        found = await limits.read_limits(tx, user, rules, now=now)
        excluded = await exclusions.longest(tx, user, now=now)
    return Limits(
        limits=[LimitResponse.model_validate(limit) for limit in found],
        excluded_until=excluded.until if excluded else None,
    )
