"""Viewers set spending limits, and read what they have spent of them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from services.wallet.commands import exclusions, limits
from services.wallet.domain.limits import Period, Rules
from shared.contracts.base import like
from shared.http import Db, OwnUser, from_state, refusals
from shared.http.bodies import Body
from shared.http.fields import Coins, CurrencyCode, Day, Instant, MinorUnits
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Part
from shared.quotas.rules import TooOften

AMOUNT_MAX = 1_000_000_000
Unit = Annotated[str, Field(pattern=r"^(coins|[A-Z]{3})$")]
LimitPeriod = Annotated[
    Period,
    Path(description="What the limit counts: one gift, or all of a window.", examples=["day"]),
]
SpendingRules = Annotated[Rules, from_state("rules")]

router = APIRouter(tags=["limits"])


class LimitRequest(Body):
    """How much may be spent, in coins or in minor units of a currency; null for no limit."""

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[Unit, like("coins", "USD")]
    """
    What `amount` counts: `coins`, or a currency (ISO 4217) whose minor units it counts. A viewer
    may have a limit of each.
    """
    amount: Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX, examples=[10_000])] | None
    """
    How much gifts may cost in one period, in `unit`. 0 allows nothing; null takes the limit away.
    """


class LimitResponse(Body):
    """A limit in force, what was spent of it, and what it becomes when."""

    model_config = ConfigDict(from_attributes=True)

    period: Annotated[Period, like("day")]
    """
    What it limits: one `gift`, or all gifts of a `day`, a `week` from Monday, or a `month`, in the
    operator's time zone.
    """
    unit: Annotated[str, like("coins", "USD")]
    """What the amounts count: `coins`, or the minor units of a currency (ISO 4217)."""
    set_by: Annotated[str, like("user", "operator", "age")]
    """
    Whose limit it is: the `user`'s own, the `operator`'s, or that of viewers below the minimum
    `age`.
    """
    amount: Annotated[int, like(10_000)] | None
    """How much gifts may cost in one period, in `unit`; null if the limit begins later."""
    spent: Annotated[int, like(100)]
    """
    How much they cost in the period that runs now, in `unit`. Money counts as what the coins had
    cost.
    """
    starts_on: Day
    """The first day of the period that runs now, in the operator's time zone."""
    next_amount: Annotated[int | None, like(None, 20_000)]
    """
    What the limit will be from `next_from` on; null if it is taken away then, or if no change
    waits.
    """
    next_from: Annotated[Instant | None, like(None, "2026-11-24T12:00:00Z")]
    """When a requested change begins; null if none waits."""


class Limits(Body):
    """Every limit a viewer has, and until when they have excluded themselves."""

    limits: list[LimitResponse]
    """Every limit that holds: the viewer's own, and those of the operator."""
    excluded_until: Annotated[Instant | None, like(None, "2026-11-30T12:00:00Z")]
    """Until when the viewer excluded themselves from buying and giving; null if they did not."""


class SpentMoney(Body):
    """What was spent of coins bought in one currency, and what those coins had cost."""

    currency: CurrencyCode
    """The currency (ISO 4217) in which the coins were bought."""
    coins: Coins
    """How many coins that were bought in this currency were spent."""
    amount_minor: Annotated[MinorUnits, like(99)]
    """What those coins had cost, tax included. Bonus and promo coins cost nothing."""


class Spending(Body):
    """What a viewer has spent this calendar month."""

    coins: Coins
    """How many coins were spent in this calendar month of the operator's time zone."""
    money: list[SpentMoney]
    """The same by currency, in what the coins had cost; empty if only free coins were spent."""


@router.get("/wallets/{user:person}/limits", responses=refusals(Unauthenticated, NotYours))
async def read_spending_limits(user: OwnUser, db: Db, rules: SpendingRules) -> Limits:
    """Read one's limits: one's own, and those that hold for everyone."""
    return await limits_of(db, user, rules)


@router.put(
    "/wallets/{user:person}/limits/{period}",
    responses=refusals(Unauthenticated, NotYours, TooOften),
)
async def set_spending_limit(
    user: OwnUser, period: LimitPeriod, wanted: LimitRequest, db: Db, rules: SpendingRules
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
