"""Giving unused coins back: as a viewer within the law, as an operator with a reason."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.purchase.commands import refunds
from services.purchase.commands.refunds import RefundWish
from services.purchase.domain import refunds as domain
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import (
    NothingPaid,
    NotRefundable,
    PurchaseDisputed,
    RefundOpen,
    RefundPolicy,
    RefundState,
    RefundTooLate,
)
from shared.http import IdempotencyKey, IdempotencyKeyMissing, UserId, refusals
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.idempotency import KeyReused, fingerprint
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

REFUND_SCOPE = "refunds:write"
Refunder = Annotated[Identity, operator_with(REFUND_SCOPE)]
Reason = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class RefundAsk(BaseModel):
    """Nothing has to be said: the unused coins of a purchase are given back, all of them."""

    model_config = ConfigDict(extra="forbid")


class OperatorRefundAsk(RefundAsk):
    """Why an operator gives money back that no rule gives back."""

    reason: Reason


class Refund(BaseModel):
    """A refund and how far it has come; `reason` if it was declined."""

    refund: UUID
    purchase: UUID
    state: RefundState
    requested_by: str
    coins: int
    amount_minor: int
    currency: str
    reason: str | None
    requested_at: datetime
    settled_at: datetime | None


class Refunds(BaseModel):
    items: list[Refund]


def add_routes(
    router: APIRouter, database: Database, policy: RefundPolicy, limits: PurchaseQuotas
) -> None:
    refused = (
        IdempotencyKeyMissing,
        Unauthenticated,
        NoSuchPurchase,
        NothingPaid,
        RefundOpen,
        PurchaseDisputed,
        KeyReused,
    )

    @router.post(
        "/purchases/{purchase}/refunds",
        tags=["purchases"],
        status_code=202,
        responses=refusals(*refused, NotRefundable, RefundTooLate, TooOften),
    )
    async def give_back(
        purchase: UUID, caller: Caller, key: IdempotencyKey, asked: RefundAsk | None = None
    ) -> Refund:
        """
        Give the unused coins of a purchase back, where the law or the operator allows it.

        They are frozen at once; the money follows. Look at the purchase's refunds to see it.
        """
        wish = RefundWish(
            caller.user, purchase, key, fingerprint(asked or RefundAsk()) + purchase.bytes
        )
        async with database.transaction() as tx:
            return shown_refund(await refunds.request_refund(tx, wish, policy, limits))

    @router.get(
        "/purchases/{purchase}/refunds",
        tags=["purchases"],
        responses=refusals(Unauthenticated, NoSuchPurchase),
    )
    async def read(purchase: UUID, caller: Caller) -> Refunds:
        """Read the refunds of one of one's own purchases, the newest first."""
        async with database.transaction() as tx:
            found = await refunds.read_refunds(tx, caller.user, purchase)
        return Refunds(items=[shown_refund(refund) for refund in found])

    @router.post(
        "/operator/purchases/{viewer}/{purchase}/refunds",
        tags=["operator"],
        status_code=202,
        responses=refusals(*refused, ScopeMissing),
    )
    async def give_back_for(
        viewer: UserId,
        purchase: UUID,
        asked: OperatorRefundAsk,
        caller: Refunder,
        key: IdempotencyKey,
    ) -> Refund:
        """Give a viewer's unused coins back although no rule does; the reason is written down."""
        wish = RefundWish(
            viewer,
            purchase,
            key,
            fingerprint(asked) + purchase.bytes,
            operator=caller.user,
            reason=asked.reason,
        )
        async with database.transaction() as tx:
            return shown_refund(await refunds.request_refund(tx, wish, policy))


def shown_refund(refund: domain.Refund) -> Refund:
    return Refund(
        refund=refund.id,
        purchase=refund.purchase,
        state=refund.state,
        requested_by=refund.requested_by,
        coins=refund.coins,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
        requested_at=refund.requested_at,
        settled_at=refund.settled_at,
    )
