"""What support looks at: disputes, and the purchases they are about."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.purchase.api.purchases import Purchase, shown
from services.purchase.commands.purchases import read_disputes, read_purchase
from services.purchase.domain.purchases import NoSuchPurchase
from shared.auth import Caller, ScopeMissing, Unauthenticated, require_scope
from shared.database import Database
from shared.http import Name, refusals

READ_SCOPE = "disputes:read"
DISPUTES_SHOWN_MAX = 100


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


def add_routes(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing)

    @router.get("/operator/purchase/disputes", tags=["operator"], responses=documented)
    async def disputes(caller: Caller) -> Disputes:
        """Read which purchases are or were disputed."""
        require_scope(caller, READ_SCOPE)
        async with database.transaction() as tx:
            found = await read_disputes(tx, DISPUTES_SHOWN_MAX)
        return Disputes(items=[Dispute.model_validate(asdict(each)) for each in found])

    @router.get(
        "/operator/purchases/{viewer}/{purchase}",
        tags=["operator"],
        responses={**documented, **refusals(NoSuchPurchase)},
    )
    async def purchase(viewer: Name, purchase: UUID, caller: Caller) -> Purchase:
        """Read a viewer's purchase."""
        require_scope(caller, READ_SCOPE)
        async with database.transaction() as tx:
            return shown(await read_purchase(tx, viewer, purchase))
