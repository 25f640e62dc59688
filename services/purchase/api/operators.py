"""What support looks at: disputes, unresolved refunds, and their purchases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.purchase.api.purchases import Purchase, shown
from services.purchase.api.refunds import Reason, Refund, Refunder
from services.purchase.commands import queries
from services.purchase.commands.refund_decisions import RefundDecision, decline_unresolved
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.refunds import NoSuchRefund, RefundResolvable
from services.purchase.store import disputes, refund_attempts
from services.purchase.store.disputes import DisputeLine
from services.purchase.store.refund_attempts import UnresolvedRefund
from shared.http import Db, UserId, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

DisputesReader = Annotated[Identity, operator_with("disputes:read")]
DISPUTES_SHOWN_MAX = 100
REFUNDS_SHOWN_MAX = 100

router = APIRouter(tags=["operator"], responses=refusals(Unauthenticated, ScopeMissing))


class Disputes(BaseModel):
    """Those that still run, then the newest of the others."""

    items: list[DisputeLine]


class UnresolvedRefunds(BaseModel):
    """Those that wait for a person, the oldest first."""

    items: list[UnresolvedRefund]


class RefundDecline(BaseModel):
    """Why the money of a refund did not go, and will not."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@router.get("/operator/purchase/disputes", name="disputes")
async def read_disputes(_: DisputesReader, db: Db) -> Disputes:
    """Read which purchases are or were disputed."""
    async with db.transaction() as tx:
        return Disputes(items=await disputes.newest(tx, DISPUTES_SHOWN_MAX))


@router.get(
    "/operator/purchases/{viewer}/{purchase}", name="purchase", responses=refusals(NoSuchPurchase)
)
async def read_purchase(viewer: UserId, purchase: UUID, _: DisputesReader, db: Db) -> Purchase:
    """Read a viewer's purchase."""
    async with db.transaction() as tx:
        return shown(await queries.read_purchase(tx, viewer, purchase))


@router.get("/operator/purchase/refunds", name="unresolved")
async def read_unresolved(_: DisputesReader, db: Db) -> UnresolvedRefunds:
    """Read the refunds of which it is unknown whether their money went back."""
    async with db.transaction() as tx:
        return UnresolvedRefunds(items=await refund_attempts.unresolved(tx, REFUNDS_SHOWN_MAX))


@router.post(
    "/operator/purchases/{viewer}/{purchase}/refunds/{refund}/decline",
    name="decline",
    responses=refusals(NoSuchRefund, RefundResolvable),
)
async def decline_refund(
    viewer: UserId, purchase: UUID, refund: UUID, body: RefundDecline, caller: Refunder, db: Db
) -> Refund:
    """Decline a refund whose money never went; the viewer's coins are theirs again."""
    decision = RefundDecision(viewer, purchase, refund, caller.user, body.reason)
    async with db.transaction() as tx:
        return Refund.model_validate(await decline_unresolved(tx, decision))
