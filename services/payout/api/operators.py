"""What operators decide: payouts that are held, corrections of balances."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.payout.api.earnings import EarnedGift, earned_gift
from services.payout.api.payouts import PayoutLine, PayoutView, line, shown
from services.payout.commands import holding, reading
from services.payout.domain.payouts import (
    NoSuchPayout,
    NotEnoughDiamonds,
    NotHeld,
    NotUnresolved,
    PayoutSubmitted,
    State,
    Truth,
)
from services.payout.domain.rates import Rules
from services.payout.providers import Provider
from shared.backoffice.routes import Why, add_adjustments, add_audit
from shared.http import UserId, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

REVIEW_SCOPE = "payouts:review"
Reviewer = Annotated[Identity, operator_with(REVIEW_SCOPE)]
READ_SCOPE = "disputes:read"
DisputesReader = Annotated[Identity, operator_with(READ_SCOPE)]
GIFTS_MAX = 100
HELD_SHOWN_MAX = 100


class HeldPayout(BaseModel):
    """
    A payout that waits for somebody to decide, since when and why.

    Reasons are `clawback`, `payee-changed`, `first-payout`; and `provider-unknown`, if the payout
    was submitted, and the provider can no longer be asked what became of it.
    """

    creator: str
    payout: UUID
    diamonds: int
    amount_minor: int
    currency: str
    destination: str
    state: State
    requested_at: datetime
    held_at: datetime
    reason: str | None


class HeldPayouts(BaseModel):
    """The oldest of them; there may be more."""

    items: list[HeldPayout]


class Resolution(Why):
    """What became of the money, as the bank says, and how one knows."""

    outcome: Literal["paid", "failed"]


class EarnedGifts(BaseModel):
    items: list[EarnedGift]


class CreatorPayouts(BaseModel):
    """A creator's newest payouts."""

    items: list[PayoutLine]


def build_router(database: Database, provider: Provider, rules: Rules) -> APIRouter:
    router = APIRouter(tags=["operator"])
    _add_reviews(router, database, rules)
    _add_resolving(router, database, provider, rules)
    _add_reading(router, database)
    add_adjustments(router, "payout", NotEnoughDiamonds)
    add_audit(router, "payout")
    return router


def _add_reviews(router: APIRouter, database: Database, rules: Rules) -> None:
    documented = refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotHeld)
    rejecting = refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotHeld, PayoutSubmitted)

    @router.post("/operator/payouts/{creator}/{payout}/approve", responses=documented)
    async def approve(creator: UserId, payout: UUID, why: Why, caller: Reviewer) -> PayoutView:
        """Let a payout that was held go on."""
        return await review(creator, payout, why, caller, approved=True)

    @router.post("/operator/payouts/{creator}/{payout}/reject", responses=rejecting)
    async def reject(creator: UserId, payout: UUID, why: Why, caller: Reviewer) -> PayoutView:
        """End a payout that was held; its diamonds are the creator's again."""
        return await review(creator, payout, why, caller, approved=False)

    async def review(
        creator: str, payout: UUID, why: Why, caller: Identity, *, approved: bool
    ) -> PayoutView:
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


def _add_resolving(router: APIRouter, database: Database, provider: Provider, rules: Rules) -> None:
    @router.post(
        "/operator/payouts/{creator}/{payout}/resolve",
        responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout, NotUnresolved),
    )
    async def resolve(
        creator: UserId, payout: UUID, said: Resolution, caller: Reviewer
    ) -> PayoutView:
        """
        Say what the bank says became of a payout that the provider cannot be asked about any more.

        `paid` takes its diamonds, `failed` gives them back to the creator.
        """
        async with database.transaction() as tx:
            await holding.resolve(
                tx,
                creator,
                payout,
                Truth(said.outcome),
                provider=provider.name,
                operator=caller.user,
                reason=said.reason,
                rules=rules,
            )
            found, steps = await reading.read_payout(tx, creator, payout)
        return shown(found, steps)


def _add_reading(router: APIRouter, database: Database) -> None:
    documented = refusals(Unauthenticated, ScopeMissing)

    @router.get("/operator/payouts", responses=documented)
    async def read_held(_: Reviewer) -> HeldPayouts:
        """Read which payouts wait for somebody to decide, the oldest first."""
        async with database.transaction() as tx:
            found = await reading.waiting_payouts(tx, HELD_SHOWN_MAX)
        return HeldPayouts(
            items=[
                HeldPayout(
                    creator=payout.creator,
                    payout=payout.id,
                    diamonds=payout.diamonds,
                    amount_minor=payout.amount_minor,
                    currency=payout.currency,
                    destination=payout.destination,
                    state=payout.state,
                    requested_at=payout.requested_at,
                    held_at=step.at,
                    reason=step.reason,
                )
                for payout, step in found
            ]
        )

    @router.get("/operator/payouts/{creator}", responses=documented)
    async def read_payouts(
        creator: UserId, _: DisputesReader, limit: Annotated[int, Query(ge=1, le=10)] = 5
    ) -> CreatorPayouts:
        """Read a creator's newest payouts."""
        async with database.transaction() as tx:
            newest = await reading.newest_payouts(tx, creator, before=None, limit=limit)
        return CreatorPayouts(items=[line(payout) for payout in newest])

    @router.get("/operator/payouts/{creator}/earnings", responses=documented)
    async def read_earnings(
        creator: UserId,
        _: DisputesReader,
        gift: Annotated[list[UUID], Query(min_length=1, max_length=GIFTS_MAX)],
    ) -> EarnedGifts:
        """Read what certain gifts brought their creator, and where those diamonds stand."""
        async with database.transaction() as tx:
            lines = await reading.earnings_of(tx, creator, gift)
        return EarnedGifts(items=[earned_gift(line, to_creator=False) for line in lines])
