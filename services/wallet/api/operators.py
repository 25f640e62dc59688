"""What operators may do to a wallet; each call needs its scope, and leaves a trace."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel

from services.wallet.api.limits import Limits, LimitWish, standing
from services.wallet.api.wallets import Lot
from services.wallet.commands import limiting, operating, reading
from services.wallet.commands.holds import KEY_CHARACTERS_MAX
from services.wallet.commands.operating import NoSuchFreeze, NotYoursToRelease
from services.wallet.commands.reading import NoSuchPurchase
from services.wallet.domain.coins import NoSuchWallet
from services.wallet.domain.limits import Period, Rules
from services.wallet.domain.spending import InsufficientCoins
from shared.backoffice.routes import Reason, Why, add_adjustments, add_audit
from shared.http import (
    BadCursor,
    Limit,
    Page,
    UserId,
    encode_cursor,
    number_in,
    refusals,
    request_id,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

FREEZE_SCOPE = "wallets:freeze"
Freezer = Annotated[Identity, operator_with(FREEZE_SCOPE)]
LIMIT_SCOPE = "limits:write"
LimitSetter = Annotated[Identity, operator_with(LIMIT_SCOPE)]
READ_SCOPE = "wallets:read"
WalletsReader = Annotated[Identity, operator_with(READ_SCOPE)]
# A warning's id is the provider's, and longer than a name may be.
HoldKey = Annotated[
    str, Path(min_length=1, max_length=KEY_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class OperatorLimit(LimitWish):
    """A limit an operator sets, and why."""

    reason: Reason


class Blocked(BaseModel):
    """Whether a wallet is stopped now."""

    user: str
    frozen: bool


class Consumption(BaseModel):
    """How much of a purchase is used up: 24,000 milliunits are 24 %, as Apple and Google ask."""

    purchase: UUID
    consumption_milliunits: int
    lots: list[Lot]


class PaidGift(BaseModel):
    """A gift, and how many coins of this purchase paid for it."""

    gift: UUID
    coins: int


def add_routes(router: APIRouter, database: Database, rules: Rules) -> None:
    add_adjustments(router, "wallet", NoSuchWallet, InsufficientCoins)
    add_audit(router, "wallet")
    _add_freezing(router, database)
    _add_reading(router, database)

    @router.put(
        "/operator/wallets/{user}/limits/{period}",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def set_limit(
        user: UserId, period: Period, wish: OperatorLimit, caller: LimitSetter
    ) -> Limits:
        """Limit what somebody can spend, or lift it; it counts at once."""
        async with database.transaction() as tx:
            await limiting.set_limit(
                tx,
                user,
                period=period,
                unit=wish.unit,
                amount=wish.amount,
                rules=rules,
                operator=caller.user,
                reason=wish.reason,
            )
        return await standing(database, user, rules)


def _add_freezing(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing, NoSuchWallet)

    @router.post("/operator/wallets/{user}/freeze", tags=["operator"], responses=documented)
    async def freeze(user: UserId, why: Why, caller: Freezer) -> Blocked:
        """Stop a wallet: it pays no gifts until it is unfrozen."""
        return await block(user, why, caller, blocked=True)

    @router.post("/operator/wallets/{user}/unfreeze", tags=["operator"], responses=documented)
    async def unfreeze(user: UserId, why: Why, caller: Freezer) -> Blocked:
        """Let a wallet that was stopped spend again."""
        return await block(user, why, caller, blocked=False)

    async def block(user: str, why: Why, caller: Identity, *, blocked: bool) -> Blocked:
        async with database.transaction() as tx:
            await operating.set_block(
                tx, user, blocked=blocked, operator=caller.user, reason=why.reason
            )
        return Blocked(user=user, frozen=blocked)

    @router.post(
        "/operator/wallets/{user}/freezes/{freeze}/release",
        tags=["operator"],
        status_code=204,
        responses=refusals(Unauthenticated, ScopeMissing, NoSuchFreeze, NotYoursToRelease),
    )
    async def release(user: UserId, freeze: HoldKey, why: Why, caller: Freezer) -> None:
        """Let coins be spent again that a warning of fraud had frozen."""
        async with database.transaction() as tx:
            await operating.release_freeze(
                tx,
                user,
                freeze,
                operator=caller.user,
                reason=why.reason,
                correlation_id=request_id(),
            )


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/operator/wallets/{user}/purchases/{purchase}/consumption",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing, NoSuchPurchase),
    )
    async def read_consumption(user: UserId, purchase: UUID, _: WalletsReader) -> Consumption:
        """Read how much of a purchase was consumed, as app stores ask before they refund."""
        async with database.transaction() as tx:
            lots, milliunits = await reading.consumption(tx, user, purchase)
        return Consumption(
            purchase=purchase,
            consumption_milliunits=milliunits,
            lots=[Lot.model_validate(lot) for lot in lots],
        )

    @router.get(
        "/operator/wallets/{user}/purchases/{purchase}/gifts",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
    )
    async def read_gifts(
        user: UserId, purchase: UUID, _: WalletsReader, cursor: str | None = None, limit: Limit = 50
    ) -> Page[PaidGift]:
        """Read which gifts the coins of a purchase paid, newest first."""
        before = number_in(cursor)
        async with database.transaction() as tx:
            lines = await reading.gifts_of_purchase(tx, user, purchase, before=before, limit=limit)
        return Page(
            items=[PaidGift(gift=line.gift, coins=line.coins) for line in lines],
            next_cursor=encode_cursor([lines[-1].entry]) if len(lines) == limit else None,
        )
