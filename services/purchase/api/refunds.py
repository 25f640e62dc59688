"""Refunds of unused coins: by a viewer within the law, by an operator with a reason."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

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
from shared.contracts.base import like
from shared.http import (
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    refusals,
)
from shared.http.auth import Caller, ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import (
    Coins,
    CurrencyCode,
    Instant,
    MinorUnits,
    PurchaseId,
    RefundId,
    ViewerId,
)
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


class RefundRequest(Body):
    """Nothing has to be said: the unused coins of a purchase are given back, all of them."""

    model_config = ConfigDict(extra="forbid")


class OperatorRefundRequest(RefundRequest):
    """Why an operator gives money back that no rule gives back."""

    reason: Annotated[Reason, like("support-4711")]
    """Why the money goes back although no rule says so; the audit log and the refund keep it."""


class Refund(Body):
    """A refund and how far it has come; `reason` if it was declined."""

    model_config = ConfigDict(from_attributes=True)

    refund: Annotated[RefundId, Field(validation_alias="id")] = Field(validation_alias="id")
    purchase: PurchaseId
    state: Annotated[RefundState, like("refunded")]
    """
    How far it has come: `requested` until the wallet holds the coins, `frozen` until the provider
    has sent the money, `refunded`, or `declined`, which gives the coins back. A refund whose money
    comes back is declined later.
    """
    requested_by: Annotated[str, like("mira", "ann")]
    """Who asked for it: the viewer, or an operator for them (the `sub` of their token)."""
    coins: Annotated[Coins, like(400)]
    """How many unused coins go back; those of a bonus among them."""
    amount_minor: Annotated[MinorUnits, like(399)]
    """Their share of the price, tax included, which goes back the way it came."""
    currency: CurrencyCode
    reason: Annotated[str | None, like(None, "nothing-unused")]
    """
    Why it was declined: `nothing-unused`, `disputed`, `failed`, or `unresolved`. Null unless it was
    declined.
    """
    requested_at: Instant
    """When it was asked for."""
    settled_at: Annotated[
        Instant | None, Field(validation_alias="decided_at"), like("2026-11-23T12:00:05Z")
    ] = Field(validation_alias="decided_at")
    """When the money went, or it was declined; null until then."""


class Refunds(Body):
    items: list[Refund]
    """The newest first; empty if there are none."""


@router.post(
    "/purchases/{purchase}/refunds",
    tags=["refunds"],
    status_code=202,
    responses=refusals(*_REFUSED, NotRefundable, RefundTooLate, TooOften),
)
async def request_refund(
    purchase: PurchaseId,
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
async def list_refunds(purchase: PurchaseId, caller: Caller, db: Db) -> Refunds:
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
    viewer: ViewerId,
    purchase: PurchaseId,
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
