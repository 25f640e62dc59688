"""What operators read of the gifts of one viewer."""

from fastapi import APIRouter

from services.gift.api.gift_bodies import GiftResponse
from services.gift.api.gifts import DisputesReader, gifts_of
from shared.http import BadCursor, Db, Limit, Page, refusals
from shared.http.auth import ScopeMissing
from shared.http.fields import ViewerId
from shared.http.pages import Cursor
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["operator-gifts"], responses=refusals(Unauthenticated, ScopeMissing))


@router.get("/operator/gift/viewers/{viewer:person}/gifts", responses=refusals(BadCursor))
async def list_gifts_of(
    viewer: ViewerId, _: DisputesReader, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[GiftResponse]:
    """List the gifts of a viewer, the newest first."""
    return await gifts_of(db, viewer, cursor, limit)
