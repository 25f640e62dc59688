"""What support looks at: disputes, unresolved refunds, withdrawals, and their purchases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.purchase.api.packages import FromRules
from services.purchase.api.purchases import Purchase, shown
from services.purchase.api.refunds import Reason, Refund, Refunder
from services.purchase.api.withdrawals import Withdrawals, withdrawals_of
from services.purchase.commands import queries
from services.purchase.commands.refund_decisions import RefundDecision, decline_unresolved
from services.purchase.domain.country_evidence import EvidenceKind, Verdict, judge
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.refunds import NoSuchRefund, RefundResolvable
from services.purchase.store import country_evidence
from services.purchase.store.disputes import DisputeLine
from services.purchase.store.refund_attempts import UnresolvedRefund
from shared.http import AllParts, Db, UserId, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated

DisputesReader = Annotated[Identity, operator_with("disputes:read")]
DISPUTES_SHOWN_MAX = 100
REFUNDS_SHOWN_MAX = 100

router = APIRouter(responses=refusals(Unauthenticated, ScopeMissing), tags=["operator-purchases"])


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


class CountryEvidence(BaseModel):
    """One kind of evidence, and the country that it names."""

    model_config = ConfigDict(from_attributes=True)

    kind: EvidenceKind
    country: str


class OperatorPurchase(Purchase):
    """
    A purchase, with the country whose tax it holds and the evidence that its buyer is there.

    `country_verdict` is null until it is paid.
    """

    tax_country: str | None
    country_evidence: list[CountryEvidence]
    country_verdict: Verdict | None


@router.get("/operator/purchase/disputes")
async def list_disputes(_: DisputesReader, db: AllParts) -> Disputes:
    """Read which purchases are or were disputed."""
    return Disputes(items=await queries.read_disputes(db, DISPUTES_SHOWN_MAX))


@router.get(
    "/operator/purchases/{viewer:person}/{purchase}",
    responses=refusals(NoSuchPurchase),
)
async def read_purchase_of_viewer(
    viewer: UserId, purchase: UUID, _: DisputesReader, db: Db, rules: FromRules
) -> OperatorPurchase:
    """Read a viewer's purchase, and where its buyer is said to be."""
    async with db.transaction() as tx:
        found = await queries.read_purchase(tx, viewer, purchase)
        evidence = await country_evidence.of_purchase(tx, found)
    return OperatorPurchase(
        **shown(found, rules.refunds).model_dump(),
        tax_country=found.tax_country,
        country_evidence=[CountryEvidence.model_validate(each) for each in evidence],
        country_verdict=judge(evidence) if found.paid_at is not None else None,
    )


@router.get(
    "/operator/purchases/{viewer:person}/{purchase}/withdrawals",
    responses=refusals(NoSuchPurchase),
)
async def list_withdrawals_of_viewer(
    viewer: UserId, purchase: UUID, _: DisputesReader, db: Db
) -> Withdrawals:
    """Read what a viewer stated when they withdrew from a purchase, if they did."""
    async with db.transaction() as tx:
        return await withdrawals_of(tx, viewer, purchase)


@router.get("/operator/purchase/refunds")
async def list_unresolved_refunds(_: DisputesReader, db: AllParts) -> UnresolvedRefunds:
    """Read the refunds of which it is unknown whether their money went back."""
    return UnresolvedRefunds(items=await queries.read_unresolved(db, REFUNDS_SHOWN_MAX))


@router.post(
    "/operator/purchases/{viewer:person}/{purchase}/refunds/{refund}/decline",
    responses=refusals(NoSuchRefund, RefundResolvable),
)
async def decline_refund(
    viewer: UserId, purchase: UUID, refund: UUID, body: RefundDecline, caller: Refunder, db: Db
) -> Refund:
    """Decline a refund whose money never went; the viewer's coins are theirs again."""
    decision = RefundDecision(viewer, purchase, refund, caller.user, body.reason)
    async with db.transaction() as tx:
        return Refund.model_validate(await decline_unresolved(tx, decision))
