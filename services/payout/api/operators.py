"""What operators decide: payouts that are held, corrections of balances."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.payout.api.payouts import PayoutView, shown
from services.payout.commands import adjusting, holding, reading
from services.payout.commands.adjusting import AdjustmentWish
from services.payout.domain.payouts import NoSuchPayout, NotEnoughDiamonds, NotHeld
from services.payout.domain.rates import Rules
from shared.auth import Caller, ScopeMissing, Unauthenticated, require_scope
from shared.database import Database
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    KeyReused,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    fingerprint,
    refusals,
    request_id,
)
from shared.ledger.operators import (
    Adjustment,
    AdjustmentDecided,
    NoSuchAdjustment,
    OwnAdjustment,
    audit_lines,
)

REVIEW_SCOPE = "payouts:review"
ADJUST_SCOPE = "adjustments:write"
AUDIT_SCOPE = "audit:read"
ADJUSTED_MAX = 1_000_000_000
Creator = Annotated[str, Path(max_length=64)]
Reason = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _not_zero(diamonds: int) -> int:
    if not diamonds:
        raise ValueError("nothing would be adjusted")
    return diamonds


class Why(BaseModel):
    """Why it is done: it is written into the audit log."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class NewAdjustment(Why):
    """Diamonds to give (positive) or to take (negative), once a colleague has agreed."""

    user: Annotated[str, Field(min_length=1, max_length=64)]
    diamonds: Annotated[
        int, Field(strict=True, ge=-ADJUSTED_MAX, le=ADJUSTED_MAX), AfterValidator(_not_zero)
    ]


class AdjustmentView(BaseModel):
    """A correction: who asked for it, who decided, and how."""

    adjustment: UUID
    user: str
    diamonds: int
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None


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


def build_router(database: Database, rules: Rules) -> APIRouter:
    router = APIRouter(tags=["operator"])
    _add_reviews(router, database, rules)
    _add_adjustments(router, database, rules)

    @router.get(
        "/operator/payout/audit", responses=refusals(Unauthenticated, ScopeMissing, BadCursor)
    )
    async def read_audit(
        caller: Caller, user: str | None = None, cursor: str | None = None, limit: Limit = 50
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

    return router


def _add_reviews(router: APIRouter, database: Database, rules: Rules) -> None:
    documented = refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotHeld)

    @router.post("/operator/payouts/{creator}/{payout}/approve", responses=documented)
    async def approve(creator: Creator, payout: UUID, why: Why, caller: Caller) -> PayoutView:
        """Let a payout that was held go on."""
        return await review(creator, payout, why, caller, approved=True)

    @router.post("/operator/payouts/{creator}/{payout}/reject", responses=documented)
    async def reject(creator: Creator, payout: UUID, why: Why, caller: Caller) -> PayoutView:
        """End a payout that was held; its diamonds are the creator's again."""
        return await review(creator, payout, why, caller, approved=False)

    async def review(
        creator: str, payout: UUID, why: Why, caller: Caller, *, approved: bool
    ) -> PayoutView:
        require_scope(caller, REVIEW_SCOPE)
        async with database.transaction() as tx:
            await holding.review(
                tx,
                creator,
                payout,
                approved=approved,
                operator=caller.user,
                reason=why.reason,
                rules=rules,
            )
            found, steps = await reading.read_payout(tx, creator, payout)
        return shown(found, steps)


def _add_adjustments(router: APIRouter, database: Database, rules: Rules) -> None:
    @router.post(
        "/operator/payout/adjustments",
        status_code=201,
        responses=refusals(IdempotencyKeyMissing, Unauthenticated, ScopeMissing, KeyReused),
    )
    async def ask(wish: NewAdjustment, key: IdempotencyKey, caller: Caller) -> AdjustmentView:
        """Ask for a correction of a creator's diamonds; a colleague has to agree."""
        require_scope(caller, ADJUST_SCOPE)
        asked = AdjustmentWish(
            wish.user, wish.diamonds, wish.reason, caller.user, key, fingerprint(wish)
        )
        async with database.transaction() as tx:
            return _adjustment(await adjusting.ask_adjustment(tx, asked, now=datetime.now(UTC)))

    decisions = refusals(
        Unauthenticated,
        ScopeMissing,
        NoSuchAdjustment,
        OwnAdjustment,
        AdjustmentDecided,
        NotEnoughDiamonds,
    )

    @router.post("/operator/payout/adjustments/{adjustment}/approve", responses=decisions)
    async def approve(adjustment: UUID, caller: Caller) -> AdjustmentView:
        """Agree to a colleague's correction; the diamonds move at once."""
        return await decide(adjustment, caller, approved=True)

    @router.post("/operator/payout/adjustments/{adjustment}/reject", responses=decisions)
    async def reject(adjustment: UUID, caller: Caller) -> AdjustmentView:
        """Do not agree to a correction, or take one's own back."""
        return await decide(adjustment, caller, approved=False)

    async def decide(adjustment: UUID, caller: Caller, *, approved: bool) -> AdjustmentView:
        require_scope(caller, ADJUST_SCOPE)
        async with database.transaction() as tx:
            decided = await adjusting.decide(
                tx,
                adjustment,
                rules,
                operator=caller.user,
                approved=approved,
                correlation_id=request_id(),
            )
        return _adjustment(decided)


def _adjustment(adjustment: Adjustment) -> AdjustmentView:
    return AdjustmentView(
        adjustment=adjustment.id,
        user=adjustment.user,
        diamonds=adjustment.amount,
        reason=adjustment.reason,
        state=adjustment.state,
        requested_by=adjustment.requested_by,
        requested_at=adjustment.requested_at,
        decided_by=adjustment.decided_by,
        decided_at=adjustment.decided_at,
    )
