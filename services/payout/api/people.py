"""What operators read of one creator's diamonds, and of a payout of which they have the id."""

from typing import Annotated

from fastapi import APIRouter

from services.payout.api.earnings import EarnedGift, Earnings, earned_gifts_of, earnings_of
from services.payout.api.operators import DisputesReader
from services.payout.api.payouts import PayoutResponse, WiredRules, payout_response
from services.payout.commands.queries import find_payout as find
from services.payout.commands.queries import read_earned, read_payout
from services.payout.domain.payouts import NoSuchPayout
from services.payout.domain.rates import Rules
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    Limit,
    Page,
    from_state,
    refusals,
)
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import CreatorId, CreatorName, PayoutId
from shared.http.pages import Cursor
from shared.identity.people import OwnMoney
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["operator-payouts"], responses=refusals(Unauthenticated, ScopeMissing))


class FoundPayout(Body):
    """Whose payout it is."""

    creator: CreatorName
    payout: PayoutId


@router.get("/operator/payout/payouts/{payout}", responses=refusals(NoSuchPayout, OwnMoney))
async def find_payout(payout: PayoutId, caller: DisputesReader, db: AllParts) -> FoundPayout:
    """Find out whose payout this is, when only its id is known."""
    found = await find(db, payout, operator=caller.user)
    return FoundPayout(creator=found.creator, payout=found.id)


@router.get("/operator/payout/creators/{creator:person}/earnings")
async def read_earnings_of(
    creator: CreatorId, _: DisputesReader, db: Db, rules: Annotated[Rules, from_state("rules")]
) -> Earnings:
    """Read a creator's diamonds, and until when which of them wait."""
    async with db.transaction() as tx:
        return earnings_of(creator, await read_earned(tx, creator, rules))


@router.get("/operator/payout/creators/{creator:person}/gifts", responses=refusals(BadCursor))
async def list_earned_gifts_of(
    creator: CreatorId, _: DisputesReader, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[EarnedGift]:
    """List which gifts brought a creator how many diamonds, the newest first."""
    return await earned_gifts_of(db, creator, cursor, limit, to_creator=False)


@router.get(
    "/operator/payout/creators/{creator:person}/payouts/{payout}", responses=refusals(NoSuchPayout)
)
async def read_payout_of(
    creator: CreatorId, payout: PayoutId, _: DisputesReader, db: Db, rules: WiredRules
) -> PayoutResponse:
    """Read a creator's payout as its creator sees it: how far it has come, and why it waits."""
    async with db.transaction() as tx:
        return payout_response(await read_payout(tx, creator, payout), rules)
