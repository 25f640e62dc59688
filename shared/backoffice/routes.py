"""What every ledger offers to operators: corrections with four eyes, and the audit log."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.backoffice.adjustments import (
    Adjustment,
    AdjustmentDecided,
    AdjustmentWish,
    NoSuchAdjustment,
    OwnAdjustment,
    audit_lines,
)
from shared.errors import Refusal
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    UserId,
    encode_cursor,
    number_in,
    refusals,
    request_id,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database, Transaction

ADJUST_SCOPE = "adjustments:write"
Adjuster = Annotated[Identity, operator_with(ADJUST_SCOPE)]
AUDIT_SCOPE = "audit:read"
AuditReader = Annotated[Identity, operator_with(AUDIT_SCOPE)]
AMOUNT_MAX = 1_000_000_000
Reads = Annotated[bool, Query(description="Also what operators only looked at.")]
Reason = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]

Ask: TypeAlias = Callable[[Transaction, AdjustmentWish], Awaitable[Adjustment]]
# A transaction, which adjustment, who decides, whether they agree, and the story it is part of.
Decide: TypeAlias = Callable[[Transaction, UUID, str, bool, str], Awaitable[Adjustment]]


def _not_zero(amount: int) -> int:
    if not amount:
        raise ValueError("nothing would be adjusted")
    return amount


class Why(BaseModel):
    """Why it is done: it is written into the audit log."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class NewAdjustment(Why):
    """
    A correction to ask a colleague for.

    `amount` is what the user gets (positive) or loses (negative), in the unit of this ledger.
    """

    user: UserId
    amount: Annotated[
        int, Field(strict=True, ge=-AMOUNT_MAX, le=AMOUNT_MAX), AfterValidator(_not_zero)
    ]


class AdjustmentView(BaseModel):
    """A correction: who asked for it, who decided, and how."""

    adjustment: UUID
    user: str
    amount: int
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class AuditLine(BaseModel):
    """
    What an operator did.

    Of action `read` is what one looked at, and nothing was changed; `user` is empty if it was a
    list of several people.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    operator: str
    action: str
    user: str
    reason: str
    facts: dict[str, Any]


def add_audit(router: APIRouter, database: Database, service: str) -> None:
    """Add the route that shows a service's audit log."""

    @router.get(
        f"/operator/{service}/audit",
        tags=["operator"],
        name=f"{service}_audit",
        responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
    )
    async def read_audit(
        _: AuditReader,
        user: UserId | None = None,
        reads: Reads = True,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> Page[AuditLine]:
        """Read what operators did and looked at, the newest first; of one user, if given."""
        before = number_in(cursor)
        async with database.transaction() as tx:
            lines = await audit_lines(tx, user=user, reads=reads, before=before, limit=limit)
        return Page(
            items=[AuditLine.model_validate(line) for line in lines],
            next_cursor=encode_cursor([lines[-1].id]) if len(lines) == limit else None,
        )


def add_adjustments(
    router: APIRouter,
    database: Database,
    service: str,
    *,
    ask: Ask,
    decide: Decide,
    refused: tuple[type[Refusal], ...],
) -> None:
    """Add the routes by which one operator asks for a correction and another decides."""
    path = f"/operator/{service}/adjustments"
    decisions = refusals(
        Unauthenticated,
        ScopeMissing,
        NoSuchAdjustment,
        OwnAdjustment,
        OwnMoney,
        AdjustmentDecided,
        *refused,
    )

    @router.post(
        path,
        tags=["operator"],
        status_code=201,
        name=f"{service}_ask_adjustment",
        responses=refusals(
            IdempotencyKeyMissing, Unauthenticated, ScopeMissing, KeyReused, *refused
        ),
    )
    async def ask_for(wish: NewAdjustment, key: IdempotencyKey, caller: Adjuster) -> AdjustmentView:
        """Ask for a correction of a balance; a colleague has to agree."""
        asked = AdjustmentWish(
            service, wish.user, wish.amount, wish.reason, caller.user, key, fingerprint(wish)
        )
        async with database.transaction() as tx:
            return _shown(await ask(tx, asked))

    @router.post(
        path + "/{adjustment}/approve",
        tags=["operator"],
        name=f"{service}_approve_adjustment",
        responses=decisions,
    )
    async def approve(adjustment: UUID, caller: Adjuster) -> AdjustmentView:
        """Agree to a colleague's correction; it is posted at once."""
        return await settle(adjustment, caller, approved=True)

    @router.post(
        path + "/{adjustment}/reject",
        tags=["operator"],
        name=f"{service}_reject_adjustment",
        responses=decisions,
    )
    async def reject(adjustment: UUID, caller: Adjuster) -> AdjustmentView:
        """Do not agree to a correction, or take one's own back."""
        return await settle(adjustment, caller, approved=False)

    async def settle(adjustment: UUID, caller: Identity, *, approved: bool) -> AdjustmentView:
        async with database.transaction() as tx:
            return _shown(await decide(tx, adjustment, caller.user, approved, request_id()))


def _shown(adjustment: Adjustment) -> AdjustmentView:
    return AdjustmentView(
        adjustment=adjustment.id,
        user=adjustment.user,
        amount=adjustment.amount,
        reason=adjustment.reason,
        state=adjustment.state,
        requested_by=adjustment.requested_by,
        requested_at=adjustment.requested_at,
        decided_by=adjustment.decided_by,
        decided_at=adjustment.decided_at,
    )
