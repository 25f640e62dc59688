"""Refunds of unused coins: by a viewer within the law, by an operator with a reason."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.api.packages import FromRules
from services.purchase.commands import queries, refunds
from services.purchase.commands.refunds import RefundOrder
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.refunds import (
    NothingPaid,
    NotRefundable,
    PurchaseDisputed,
    RefundOpen,
    RefundState,
    RefundTooLate,
)
from shared.http import (
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    UserId,
    refusals,
)
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.idempotency import KeyReused, fingerprint
from shared.identity.tokens import Identity, Unauthenticated
from shared.quotas.rules import TooOften

Refunder = Annotated[Identity, operator_with("refunds:write")]
Reason = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
_REFUSED = (
    IdempotencyKeyMissing,
    Unauthenticated,
    NoSuchPurchase,
    NothingPaid,
    RefundOpen,
    PurchaseDisputed,
    KeyReused,
)

router = APIRouter()


class RefundRequest(BaseModel):
    """Nothing has to be said: the unused coins of a purchase are given back, all of them."""

    model_config = ConfigDict(extra="forbid")


class OperatorRefundRequest(RefundRequest):
    """Why an operator gives money back that no rule gives back."""

    reason: Reason


class Refund(BaseModel):
    """A refund and how far it has come; `reason` if it was declined."""

    model_config = ConfigDict(from_attributes=True)

    refund: UUID = Field(validation_alias="id")
    purchase: UUID
    state: RefundState
    requested_by: str
    coins: int
    amount_minor: int
    currency: str
    reason: str | None
    requested_at: datetime
    settled_at: datetime | None = Field(validation_alias="decided_at")


class Refunds(BaseModel):
    items: list[Refund]


@router.post(
    "/purchases/{purchase}/refunds",
    tags=["refunds"],
    status_code=202,
    responses=refusals(*_REFUSED, NotRefundable, RefundTooLate, TooOften),
)
async def request_refund(
    purchase: UUID,
    caller: Caller,
    key: IdempotencyKey,
    db: Db,
    rules: FromRules,
    body: RefundRequest | None = None,
) -> Refund:
    """
    Give the unused coins of a purchase back, where the law or the operator allows it.

    They are frozen at once; the money follows. Look at the purchase's refunds to see it.
    """
    request_hash = fingerprint(body or RefundRequest()) + purchase.bytes
    order = RefundOrder(caller.user, purchase, key, request_hash)
    async with db.transaction() as tx:
        return Refund.model_validate(await refunds.request_refund(tx, order, rules))


@router.get(
    "/purchases/{purchase}/refunds",
    tags=["refunds"],
    responses=refusals(Unauthenticated, NoSuchPurchase),
)
async def list_refunds(purchase: UUID, caller: Caller, db: Db) -> Refunds:
    """Read the refunds of one of one's own purchases, the newest first."""
    async with db.transaction() as tx:
        found = await queries.read_refunds(tx, caller.user, purchase)
    return Refunds(items=[Refund.model_validate(refund) for refund in found])


@router.post(
    "/operator/purchases/{viewer:person}/{purchase}/refunds",
    tags=["operator-purchases"],
    status_code=202,
    responses=refusals(*_REFUSED, ScopeMissing),
)
async def request_refund_for_viewer(
    viewer: UserId,
    purchase: UUID,
    body: OperatorRefundRequest,
    caller: Refunder,
    key: IdempotencyKey,
    db: Db,
    rules: FromRules,
) -> Refund:
    """Give a viewer's unused coins back although no rule does; the reason is written down."""
    request_hash = fingerprint(body) + purchase.bytes
    order = RefundOrder(viewer, purchase, key, request_hash, caller.user, body.reason)
    async with db.transaction() as tx:
        return Refund.model_validate(await refunds.request_refund(tx, order, rules))
