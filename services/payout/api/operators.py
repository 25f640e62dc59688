"""What operators decide: payouts that are held, corrections of balances."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from services.payout.api.payouts import PayoutView, shown
from services.payout.commands import holding, reading
from services.payout.commands.adjusting import settle_adjustment
from services.payout.domain.payouts import NoSuchPayout, NotEnoughDiamonds, NotHeld
from services.payout.domain.rates import Rules
from shared.auth import Caller, ScopeMissing, Unauthenticated, require_scope
from shared.database import Database
from shared.http import refusals
from shared.ledger.operators import request_adjustment
from shared.ledger.routes import Why, add_adjustments, add_audit

REVIEW_SCOPE = "payouts:review"
Creator = Annotated[str, Path(max_length=64)]


def build_router(database: Database, rules: Rules) -> APIRouter:
    router = APIRouter(tags=["operator"])
    _add_reviews(router, database, rules)
    add_adjustments(
        router,
        database,
        "payout",
        ask=request_adjustment,
        decide=partial(settle_adjustment, rules=rules),
        refused=(NotEnoughDiamonds,),
    )
    add_audit(router, database, "payout")
    return router


def _add_reviews(router: APIRouter, database: Database, rules: Rules) -> None:
    documented = refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotHeld)

    @router.post("/operator/payouts/{creator}/{payout}/approve", responses=documented)
    async def approve(creator: Creator, payout: UUID, why: Why, caller: Caller) -> PayoutView:
        """Let a payout that was held go on."""
        return await review(creator, payout, why, caller, approved=True)

    @router.post("/operator/payouts/{creator}/{payout}/reject", responses=documented)
    async def reject(creator: Creator, payout: UUID, why: Why, caller: Caller) -> PayoutView:
        """End a payout that was held; its diamonds are the creator's again."""
        return await review(creator, payout, why, caller, approved=False)

    async def review(
        creator: str, payout: UUID, why: Why, caller: Caller, *, approved: bool
    ) -> PayoutView:
        require_scope(caller, REVIEW_SCOPE)
        async with database.transaction() as tx:
            await holding.review(
                tx,
                creator,
                payout,
                approved=approved,
                operator=caller.user,
                reason=why.reason,
                rules=rules,
            )
            found, steps = await reading.read_payout(tx, creator, payout)
        return shown(found, steps)
