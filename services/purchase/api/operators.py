"""What support looks at: disputes, unresolved refunds, withdrawals, and their purchases."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict

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
from shared.contracts.base import in_unit, like
from shared.http import AllParts, Db, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import (
    CountryCode,
    CurrencyCode,
    Instant,
    MinorUnits,
    PurchaseId,
    RefundId,
    ViewerId,
    ViewerName,
)
from shared.identity.tokens import Identity, Unauthenticated

DisputesReader = Annotated[Identity, operator_with("disputes:read")]
DISPUTES_SHOWN_MAX = 100
REFUNDS_SHOWN_MAX = 100
DueWithinDays = Annotated[
    int | None,
    Query(
        ge=0,
        le=365,
        description=(
            "Only open disputes whose evidence is not handed in, and due within this many days,"
            " or overdue."
        ),
        examples=[2],
    ),
]

router = APIRouter(responses=refusals(Unauthenticated, ScopeMissing), tags=["operator-purchases"])


class DisputeLine(Body):
    """A cardholder's bank asks for the money of a purchase back."""

    model_config = ConfigDict(from_attributes=True)

    viewer: ViewerName
    purchase: PurchaseId
    dispute: Annotated[str, like("dp_1")]
    """The dispute, as the provider calls it."""
    state: Annotated[str, like("open", "won", "lost")]
    """What the bank says: `open` while it runs, `won` by us, or `lost`."""
    reason: Annotated[str, like("fraudulent")]
    """Why the money is asked back, in the provider's words."""
    amount_minor: Annotated[MinorUnits, like(499)]
    """How much is asked back."""
    currency: CurrencyCode
    recorded_at: Instant
    """When we first knew of it."""
    evidence_due_at: Annotated[Instant | None, like(None, "2026-11-30T12:00:00Z")]
    """
    Until when the provider takes evidence, by its newest answer; null if it says no time. No money
    moves because of it.
    """
    evidence_submitted: Annotated[bool, like(False)]
    """Whether the provider has evidence of ours and asks for no more."""


class Exposure(Body):
    """What the open disputes in one currency come to."""

    model_config = ConfigDict(from_attributes=True)

    currency: CurrencyCode
    disputes: Annotated[int, in_unit("disputes", 2)]
    """How many are open, whether evidence was handed in or not."""
    amount_minor: Annotated[MinorUnits, like(998)]
    """What is lost if all of them are."""


class Disputes(Body):
    """The open disputes by deadline, the newest of the others, and what all open ones come to."""

    items: list[DisputeLine]
    """
    At most 100. First the open ones that wait for evidence, by `evidence_due_at`: what is overdue
    before all, what has no deadline last; then the open ones with evidence; then the others, the
    newest first.
    """
    exposure: list[Exposure]
    """What all open disputes come to, one item a currency, also those that are not in `items`."""


class UnresolvedRefund(Body):
    """
    A refund of which it is unknown whether its money went back; look it up at the provider.

    `submitted_at` is when the provider was first asked for it. If it was made, or a person makes
    it by hand, the service finds that out by itself; if it never will be, decline it.
    """

    model_config = ConfigDict(from_attributes=True)

    viewer: ViewerName
    purchase: PurchaseId
    refund: RefundId
    payment: Annotated[str, like("pi_3OaX")]
    """The payment, as the provider calls it: look the refund up there."""
    amount_minor: Annotated[MinorUnits, like(499)]
    """How much has to go back, tax included."""
    currency: CurrencyCode
    submitted_at: Instant | None
    """When the provider was first asked for it; null if it never was."""
    unresolved_at: Annotated[Instant, like("2026-11-24T12:00:00Z")]
    """Since when a person has to look at it."""


class UnresolvedRefunds(Body):
    """Those that wait for a person, the oldest first."""

    items: list[UnresolvedRefund]
    """At most 100, the oldest first."""


class RefundDecline(Body):
    """Why the money of a refund did not go, and will not."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Reason, like("support-4711")]
    """Why the money did not go and will not; the audit log keeps it."""


class CountryEvidence(Body):
    """One kind of evidence, and the country that it names."""

    model_config = ConfigDict(from_attributes=True)

    kind: EvidenceKind
    """
    Who says where the buyer is: the `host` application in the token, the payment `instrument` by
    its provider, or the host by the buyer's internet address (`ip_address`).
    """
    country: CountryCode
    """The country that it names (ISO 3166-1 alpha-2)."""


class OperatorPurchase(Purchase):
    """
    A purchase, with the country whose tax it holds and the evidence that its buyer is there.

    `country_verdict` is null until it is paid.
    """

    tax_country: CountryCode | None
    """The country (ISO 3166-1 alpha-2) whose tax the price holds; null if it holds none."""
    country_evidence: list[CountryEvidence]
    """What says where the buyer is; empty if nothing does."""
    country_verdict: Annotated[Verdict, like("agree")] | None
    """
    What the evidence is worth: `agree` if two items name the country of the tax, `one-only`,
    `contradict`, or `no-country`. Null until the purchase is paid.
    """


@router.get("/operator/purchase/disputes")
async def list_disputes(
    _: DisputesReader, db: AllParts, due_within_days: DueWithinDays = None
) -> Disputes:
    """Read which purchases are or were disputed, and until when evidence is due."""
    due_before = None
    if due_within_days is not None:
        due_before = datetime.now(UTC) + timedelta(days=due_within_days)
    found, exposure = await queries.read_disputes(db, DISPUTES_SHOWN_MAX, due_before=due_before)
    return Disputes(
        items=[DisputeLine.model_validate(each) for each in found],
        exposure=[Exposure.model_validate(each) for each in exposure],
    )


@router.get(
    "/operator/purchases/{viewer:person}/{purchase}",
    responses=refusals(NoSuchPurchase),
)
async def read_purchase_of_viewer(
    viewer: ViewerId, purchase: PurchaseId, _: DisputesReader, db: Db, rules: FromRules
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
    viewer: ViewerId, purchase: PurchaseId, _: DisputesReader, db: Db
) -> Withdrawals:
    """Read what a viewer stated when they withdrew from a purchase, if they did."""
    async with db.transaction() as tx:
        return await withdrawals_of(tx, viewer, purchase)


@router.get("/operator/purchase/refunds")
async def list_unresolved_refunds(_: DisputesReader, db: AllParts) -> UnresolvedRefunds:
    """Read the refunds of which it is unknown whether their money went back."""
    found = await queries.read_unresolved(db, REFUNDS_SHOWN_MAX)
    return UnresolvedRefunds(items=[UnresolvedRefund.model_validate(each) for each in found])


@router.post(
    "/operator/purchases/{viewer:person}/{purchase}/refunds/{refund}/decline",
    responses=refusals(NoSuchRefund, RefundResolvable),
)
async def decline_refund(
    viewer: ViewerId,
    purchase: PurchaseId,
    refund: RefundId,
    body: RefundDecline,
    caller: Refunder,
    db: Db,
) -> Refund:
    """Decline a refund whose money never went; the viewer's coins are theirs again."""
    decision = RefundDecision(viewer, purchase, refund, caller.user, body.reason)
    async with db.transaction() as tx:
        return Refund.model_validate(await decline_unresolved(tx, decision))
