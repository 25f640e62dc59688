"""What operators read of one viewer's purchases, and of a purchase of which they have the id."""

from fastapi import APIRouter

from services.purchase.api.operators import DisputesReader
from services.purchase.api.packages import FromRules
from services.purchase.api.purchases import Purchase, purchases_of
from services.purchase.api.refunds import Refund, Refunds
from services.purchase.commands import queries
from services.purchase.domain.purchases import NoSuchPurchase
from shared.http import AllParts, BadCursor, Db, Limit, Page, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import PurchaseId, ViewerId, ViewerName
from shared.http.pages import Cursor
from shared.identity.people import OwnMoney
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["operator-purchases"], responses=refusals(Unauthenticated, ScopeMissing))


class FoundPurchase(Body):
    """Whose purchase it is."""

    viewer: ViewerName
    purchase: PurchaseId


@router.get("/operator/purchase/purchases/{purchase}", responses=refusals(NoSuchPurchase, OwnMoney))
async def find_purchase(
    purchase: PurchaseId, caller: DisputesReader, db: AllParts
) -> FoundPurchase:
    """Find out whose purchase this is, when only its id is known."""
    found = await queries.find_purchase(db, purchase, operator=caller.user)
    return FoundPurchase(viewer=found.viewer, purchase=found.id)


@router.get("/operator/purchases/{viewer:person}", responses=refusals(BadCursor))
async def list_purchases_of(
    viewer: ViewerId,
    _: DisputesReader,
    db: Db,
    rules: FromRules,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Purchase]:
    """List a viewer's purchases, the newest first."""
    return await purchases_of(db, viewer, rules.refunds, cursor, limit)


@router.get(
    "/operator/purchases/{viewer:person}/{purchase}/refunds", responses=refusals(NoSuchPurchase)
)
async def list_refunds_of(
    viewer: ViewerId, purchase: PurchaseId, _: DisputesReader, db: Db
) -> Refunds:
    """List the refunds of a viewer's purchase, the newest first."""
    async with db.transaction() as tx:
        found = await queries.read_refunds(tx, viewer, purchase)
    return Refunds(items=[Refund.model_validate(refund) for refund in found])
