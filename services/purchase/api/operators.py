"""What support looks at: disputes, refunds nobody knows the end of, and their purchases."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.purchase.api.purchases import Purchase, shown
from services.purchase.api.refunds import Reason, Refund, Refunder, shown_refund
from services.purchase.commands.purchases import read_disputes, read_purchase
from services.purchase.commands.refund_decisions import (
    RefundDecision,
    decline_unresolved,
    read_unresolved,
)
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.refunds import NoSuchRefund, RefundResolvable
from shared.http import UserId, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

READ_SCOPE = "disputes:read"
DisputesReader = Annotated[Identity, operator_with(READ_SCOPE)]
DISPUTES_SHOWN_MAX = 100
REFUNDS_SHOWN_MAX = 100


class Dispute(BaseModel):
    """A cardholder's bank asks for the money of a purchase back."""

    viewer: str
    purchase: UUID
    dispute: str
    state: str
    reason: str
    amount_minor: int
    currency: str
    recorded_at: datetime


class Disputes(BaseModel):
    """Those that still run, then the newest of the others."""

    items: list[Dispute]


class UnresolvedRefund(BaseModel):
    """
    A refund of which nobody knows whether its money went back; look it up at the provider.

    `submitted_at` is when the provider was first asked for it. If it was made, or somebody makes
    it by hand, that is found out without you; if it never will be, decline it.
    """

    viewer: str
    purchase: UUID
    refund: UUID
    payment: str
    amount_minor: int
    currency: str
    submitted_at: datetime | None
    unresolved_at: datetime


class UnresolvedRefunds(BaseModel):
    """Those that wait for a person, the oldest first."""

    items: list[UnresolvedRefund]


class RefundDecline(BaseModel):
    """Why the money of a refund did not go, and will not."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


def add_routes(router: APIRouter, database: Database) -> None:
    _add_disputes(router, database)
    _add_refunds(router, database)


def _add_refunds(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing)

    @router.get("/operator/purchase/refunds", tags=["operator"], responses=documented)
    async def unresolved(_: DisputesReader) -> UnresolvedRefunds:
        """Read the refunds of which nobody knows whether their money went back."""
        async with database.transaction() as tx:
            found = await read_unresolved(tx, REFUNDS_SHOWN_MAX)
        return UnresolvedRefunds(
            items=[UnresolvedRefund.model_validate(asdict(each)) for each in found]
        )

    @router.post(
        "/operator/purchases/{viewer}/{purchase}/refunds/{refund}/decline",
        tags=["operator"],
        responses={**documented, **refusals(NoSuchRefund, RefundResolvable)},
    )
    async def decline(
        viewer: UserId, purchase: UUID, refund: UUID, asked: RefundDecline, caller: Refunder
    ) -> Refund:
        """Decline a refund whose money never went; the viewer's coins are theirs again."""
        decision = RefundDecision(viewer, purchase, refund, caller.user, asked.reason)
        async with database.transaction() as tx:
            return shown_refund(await decline_unresolved(tx, decision))


def _add_disputes(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing)

    @router.get("/operator/purchase/disputes", tags=["operator"], responses=documented)
    async def disputes(_: DisputesReader) -> Disputes:
        """Read which purchases are or were disputed."""
        async with database.transaction() as tx:
            found = await read_disputes(tx, DISPUTES_SHOWN_MAX)
        return Disputes(items=[Dispute.model_validate(asdict(each)) for each in found])

    @router.get(
        "/operator/purchases/{viewer}/{purchase}",
        tags=["operator"],
        responses={**documented, **refusals(NoSuchPurchase)},
    )
    async def purchase(viewer: UserId, purchase: UUID, _: DisputesReader) -> Purchase:
        """Read a viewer's purchase."""
        async with database.transaction() as tx:
            return shown(await read_purchase(tx, viewer, purchase))
