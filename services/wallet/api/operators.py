"""What operators may do to a wallet; each call needs its scope, and leaves a trace."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.wallet.api.limits import Limits, LimitWish, standing
from services.wallet.api.wallets import Lot
from services.wallet.commands import limiting, operating, reading
from services.wallet.commands.operating import AdjustmentWish, NoSuchFreeze, NotYoursToRelease
from services.wallet.commands.reading import NoSuchPurchase
from services.wallet.domain.coins import NoSuchWallet
from services.wallet.domain.limits import Period, Rules
from services.wallet.domain.spending import InsufficientCoins
from shared.auth import Caller, ScopeMissing, Unauthenticated, require_scope
from shared.database import Database
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    KeyReused,
    Page,
    decode_cursor,
    encode_cursor,
    fingerprint,
    refusals,
    request_id,
)
from shared.http import Limit as PageLimit
from shared.ledger.operators import (
    Adjustment,
    AdjustmentDecided,
    NoSuchAdjustment,
    OwnAdjustment,
    audit_lines,
)

ADJUST_SCOPE = "adjustments:write"
FREEZE_SCOPE = "wallets:freeze"
LIMIT_SCOPE = "limits:write"
READ_SCOPE = "wallets:read"
AUDIT_SCOPE = "audit:read"
ADJUSTED_COINS_MAX = 1_000_000_000
User = Annotated[str, Path(max_length=64)]
Reason = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _not_zero(coins: int) -> int:
    if not coins:
        raise ValueError("nothing would be adjusted")
    return coins


class Why(BaseModel):
    """Why it is done: it is written into the audit log."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class NewAdjustment(Why):
    """Coins to give (positive) or to take (negative), once a colleague has agreed."""

    user: Annotated[str, Field(min_length=1, max_length=64)]
    coins: Annotated[
        int,
        Field(strict=True, ge=-ADJUSTED_COINS_MAX, le=ADJUSTED_COINS_MAX),
        AfterValidator(_not_zero),
    ]


class AdjustmentView(BaseModel):
    """A correction: who asked for it, who decided, and how."""

    adjustment: UUID
    user: str
    coins: int
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class OperatorLimit(LimitWish):
    """A limit an operator sets, and why."""

    reason: Reason


class Blocked(BaseModel):
    """Whether a wallet is stopped now."""

    user: str
    frozen: bool


class AuditLine(BaseModel):
    """What an operator did."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    operator: str
    action: str
    user: str
    reason: str
    facts: dict[str, Any]


class Consumption(BaseModel):
    """How much of a purchase is used up: 24,000 milliunits are 24 %, as Apple and Google ask."""

    purchase: UUID
    consumption_milliunits: int
    lots: list[Lot]


def add_routes(router: APIRouter, database: Database, rules: Rules) -> None:
    _add_adjustments(router, database)
    _add_freezing(router, database)
    _add_reading(router, database)

    @router.put(
        "/operator/wallets/{user}/limits/{period}",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def set_limit(user: User, period: Period, wish: OperatorLimit, caller: Caller) -> Limits:
        """Limit what somebody can spend, or lift it; it counts at once."""
        require_scope(caller, LIMIT_SCOPE)
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


def _add_adjustments(router: APIRouter, database: Database) -> None:
    @router.post(
        "/operator/wallet/adjustments",
        tags=["operator"],
        status_code=201,
        responses=refusals(
            IdempotencyKeyMissing, Unauthenticated, ScopeMissing, NoSuchWallet, KeyReused
        ),
    )
    async def ask(wish: NewAdjustment, key: IdempotencyKey, caller: Caller) -> AdjustmentView:
        """Ask for a correction of a balance; a colleague has to agree."""
        require_scope(caller, ADJUST_SCOPE)
        asked = AdjustmentWish(
            wish.user, wish.coins, wish.reason, caller.user, key, fingerprint(wish)
        )
        async with database.transaction() as tx:
            return _shown(await operating.ask_adjustment(tx, asked, now=datetime.now(UTC)))

    decisions = refusals(
        Unauthenticated,
        ScopeMissing,
        NoSuchAdjustment,
        OwnAdjustment,
        AdjustmentDecided,
        InsufficientCoins,
    )

    @router.post(
        "/operator/wallet/adjustments/{adjustment}/approve", tags=["operator"], responses=decisions
    )
    async def approve(adjustment: UUID, caller: Caller) -> AdjustmentView:
        """Agree to a colleague's correction; the coins move at once."""
        return await decide(adjustment, caller, approved=True)

    @router.post(
        "/operator/wallet/adjustments/{adjustment}/reject", tags=["operator"], responses=decisions
    )
    async def reject(adjustment: UUID, caller: Caller) -> AdjustmentView:
        """Do not agree to a correction, or take one's own back."""
        return await decide(adjustment, caller, approved=False)

    async def decide(adjustment: UUID, caller: Caller, *, approved: bool) -> AdjustmentView:
        require_scope(caller, ADJUST_SCOPE)
        async with database.transaction() as tx:
            decided = await operating.decide_adjustment_by(
                tx,
                adjustment,
                operator=caller.user,
                approved=approved,
                correlation_id=request_id(),
            )
        return _shown(decided)


def _add_freezing(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing, NoSuchWallet)

    @router.post("/operator/wallets/{user}/freeze", tags=["operator"], responses=documented)
    async def freeze(user: User, why: Why, caller: Caller) -> Blocked:
        """Stop a wallet: it pays no gifts until it is unfrozen."""
        return await block(user, why, caller, blocked=True)

    @router.post("/operator/wallets/{user}/unfreeze", tags=["operator"], responses=documented)
    async def unfreeze(user: User, why: Why, caller: Caller) -> Blocked:
        """Let a wallet that was stopped spend again."""
        return await block(user, why, caller, blocked=False)

    async def block(user: str, why: Why, caller: Caller, *, blocked: bool) -> Blocked:
        require_scope(caller, FREEZE_SCOPE)
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
    async def release(user: User, freeze: User, why: Why, caller: Caller) -> None:
        """Let coins be spent again that a warning of fraud had frozen."""
        require_scope(caller, FREEZE_SCOPE)
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
    async def read_consumption(user: User, purchase: UUID, caller: Caller) -> Consumption:
        """Read how much of a purchase was consumed, as app stores ask before they refund."""
        require_scope(caller, READ_SCOPE)
        async with database.transaction() as tx:
            lots, milliunits = await reading.consumption(tx, user, purchase)
        return Consumption(
            purchase=purchase,
            consumption_milliunits=milliunits,
            lots=[Lot.model_validate(lot) for lot in lots],
        )

    @router.get(
        "/operator/wallet/audit",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
    )
    async def read_audit(
        caller: Caller, user: str | None = None, cursor: str | None = None, limit: PageLimit = 50
    ) -> Page[AuditLine]:
        """Read what operators did, the newest first."""
        require_scope(caller, AUDIT_SCOPE)
        before = decode_cursor(cursor) if cursor is not None else [2**62]
        if len(before) != 1 or not isinstance(before[0], int):
            raise BadCursor
        async with database.transaction() as tx:
            lines = await audit_lines(tx, user=user, before=before[0], limit=limit)
        return Page(
            items=[AuditLine.model_validate(line) for line in lines],
            next_cursor=encode_cursor([lines[-1].id]) if len(lines) == limit else None,
        )


def _shown(adjustment: Adjustment) -> AdjustmentView:
    return AdjustmentView(
        adjustment=adjustment.id,
        user=adjustment.user,
        coins=adjustment.amount,
        reason=adjustment.reason,
        state=adjustment.state,
        requested_by=adjustment.requested_by,
        requested_at=adjustment.requested_at,
        decided_by=adjustment.decided_by,
        decided_at=adjustment.decided_at,
    )
