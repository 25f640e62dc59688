"""A viewer sets limits, looks at what was spent, or asks to be kept from spending."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.wallet.commands import limiting
from services.wallet.domain.limits import Period, Rules
from shared.http import IdempotencyKey, IdempotencyKeyMissing, UserIdOrMe, refusals, request_id
from shared.http.auth import Caller, require_own
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

ME = "me"
AMOUNT_MAX = 1_000_000_000
Unit = Annotated[str, Field(pattern=r"^(coins|[A-Z]{3})$")]


class LimitWish(BaseModel):
    """How much may be spent, in coins or in minor units of a currency; null for no limit."""

    model_config = ConfigDict(extra="forbid")

    unit: Unit
    amount: Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)] | None


class LimitView(BaseModel):
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

    limits: list[LimitView]
    excluded_until: datetime | None


class Money(BaseModel):
    """What was spent of coins bought in one currency, and what those coins had cost."""

    currency: str
    coins: int
    amount_minor: int


class Spending(BaseModel):
    """What a viewer has spent this calendar month."""

    coins: int
    money: list[Money]


class ExclusionWish(BaseModel):
    """For how many days to be kept from buying and giving."""

    model_config = ConfigDict(extra="forbid")

    days: Literal[1, 7, 30]


class ExclusionView(BaseModel):
    """Nothing can be spent until then; it cannot be taken back."""

    exclusion: UUID
    until: datetime


def add_routes(router: APIRouter, database: Database, rules: Rules) -> None:
    _add_limits(router, database, rules)

    @router.get(
        "/wallets/{user}/spending", tags=["limits"], responses=refusals(Unauthenticated, NotYours)
    )
    async def read_spending(user: UserIdOrMe, caller: Caller) -> Spending:
        """Read what one has spent this month, in coins and in the money they had cost."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        async with database.transaction() as tx:
            spent = await limiting.read_spending(tx, user, rules, now=datetime.now(UTC))
        return Spending(
            coins=sum(each.coins for each in spent.values()),
            money=[
                Money(currency=currency, coins=each.coins, amount_minor=each.amount_minor)
                for currency, each in sorted(spent.items())
                if each.amount_minor
            ],
        )

    @router.post(
        "/wallets/{user}/exclusions",
        tags=["limits"],
        status_code=201,
        responses=refusals(IdempotencyKeyMissing, Unauthenticated, NotYours, KeyReused, TooOften),
    )
    async def exclude(
        user: UserIdOrMe, wish: ExclusionWish, key: IdempotencyKey, caller: Caller
    ) -> ExclusionView:
        """Keep oneself from buying coins and sending gifts; it cannot be taken back."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        async with database.transaction() as tx:
            excluded = await limiting.exclude(
                tx,
                user,
                days=wish.days,
                key=key,
                request_hash=fingerprint(wish),
                correlation_id=request_id(),
            )
        return ExclusionView(exclusion=excluded.id, until=excluded.until)


def _add_limits(router: APIRouter, database: Database, rules: Rules) -> None:
    @router.get(
        "/wallets/{user}/limits", tags=["limits"], responses=refusals(Unauthenticated, NotYours)
    )
    async def read_limits(user: UserIdOrMe, caller: Caller) -> Limits:
        """Read one's limits: one's own, and those that hold for everyone."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        return await standing(database, user, rules)

    @router.put(
        "/wallets/{user}/limits/{period}",
        tags=["limits"],
        responses=refusals(Unauthenticated, NotYours, TooOften),
    )
    async def set_limit(
        user: UserIdOrMe, period: Period, wish: LimitWish, caller: Caller
    ) -> Limits:
        """Limit what one can spend: a lower limit counts at once, a higher one a day later."""
        user = caller.user if user == ME else user
        require_own(caller, user)
        async with database.transaction() as tx:
            await limiting.set_limit(
                tx, user, period=period, unit=wish.unit, amount=wish.amount, rules=rules
            )
        return await standing(database, user, rules)


async def standing(database: Database, user: str, rules: Rules) -> Limits:
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        limits = await limiting.read_limits(tx, user, rules, now=now)
        excluded = await limiting.read_exclusion(tx, user, now=now)
    return Limits(
        limits=[LimitView.model_validate(limit) for limit in limits],
        excluded_until=excluded.until if excluded else None,
    )
