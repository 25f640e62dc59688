"""A creator appeals against a rejected payout, and another operator decides."""

from operator import attrgetter
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

from services.payout.api.operators import Reviewer
from services.payout.api.payouts import Creator, PayoutResponse, WiredRules, payout_response
from services.payout.commands import appeals
from services.payout.commands.queries import read_payout
from services.payout.domain.payouts import CreatorsOnly, NoSuchPayout
from services.payout.domain.reviews import (
    AppealDecided,
    AppealedAlready,
    AppealTooLate,
    DecidedBefore,
    NoSuchAppeal,
    NotRejected,
)
from services.payout.store import appeals as store
from shared.backoffice.routes import Why
from shared.contracts.base import like
from shared.http import AllParts, Db, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import CreatorId, CreatorName, Instant, PayoutId, Text
from shared.identity.people import OwnMoney
from shared.identity.tokens import Unauthenticated

router = APIRouter()

APPEALS_SHOWN_MAX = 100


class AppealRequest(Body):
    """Why the decision is wrong, in the creator's words."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text, like("These are friends who watch every day.")]
    """Why the decision is wrong; a person who has not decided before reads it."""


class AppealDecision(Why):
    """Whether the rejection stands; the creator reads the reason."""

    decision: Annotated[Literal["uphold", "overturn"], like("overturn")]
    """
    `uphold` if the rejection stands; `overturn` if the creator is right and may ask for the payout
    again.
    """


class OpenAppeal(Body):
    """An appeal that waits for a person, the payout it is about, and what was decided before."""

    creator: CreatorName
    """Who appealed: the `sub` of their token."""
    payout: PayoutId
    """The payout that was rejected."""
    text: Annotated[str, like("These are friends who watch every day.")]
    """What the creator wrote: escape it before you show it."""
    appealed_at: Instant
    """When they appealed."""
    decide_by: Annotated[Instant, like("2026-11-25T12:00:00Z")]
    """When a decision is due."""


class OpenAppeals(Body):
    """The oldest of them; there may be more."""

    items: list[OpenAppeal]
    """At most 100 appeals, the oldest first."""


@router.post(
    "/payouts/{payout}/appeal",
    tags=["payouts"],
    responses=refusals(
        Unauthenticated, CreatorsOnly, NoSuchPayout, NotRejected, AppealTooLate, AppealedAlready
    ),
)
async def appeal_rejection(
    payout: PayoutId, wanted: AppealRequest, caller: Creator, db: Db, rules: WiredRules
) -> PayoutResponse:
    """Appeal against the rejection of one's own payout; another operator decides."""
    async with db.transaction() as tx:
        await appeals.appeal_payout(tx, caller.user, payout, wanted.text, rules)
        return payout_response(await read_payout(tx, caller.user, payout), rules)


@router.get(
    "/operator/payout-appeals",
    tags=["operator-payouts"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def list_appeals(_: Reviewer, db: AllParts) -> OpenAppeals:
    """Read which appeals wait for a decision, the oldest first."""
    found = await db.read_first(
        store.undecided, APPEALS_SHOWN_MAX, key=attrgetter("appealed_at", "payout")
    )
    return OpenAppeals(
        items=[
            OpenAppeal(
                creator=each.creator,
                payout=each.payout,
                text=each.text,
                appealed_at=each.appealed_at,
                decide_by=each.decide_by,
            )
            for each in found
        ]
    )


@router.post(
    "/operator/payouts/{creator:person}/{payout}/appeal",
    tags=["operator-payouts"],
    responses=refusals(
        Unauthenticated,
        ScopeMissing,
        OwnMoney,
        NoSuchPayout,
        NoSuchAppeal,
        DecidedBefore,
        AppealDecided,
    ),
)
async def decide_appeal(
    creator: CreatorId,
    payout: PayoutId,
    wanted: AppealDecision,
    caller: Reviewer,
    db: Db,
    rules: WiredRules,
) -> PayoutResponse:
    """Uphold a rejection, or overturn it: then the creator may ask for the same money at once."""
    async with db.transaction() as tx:
        await appeals.decide_appeal(
            tx,
            creator,
            payout,
            overturned=wanted.decision == "overturn",
            operator=caller.user,
            reason=wanted.reason,
        )
        return payout_response(await read_payout(tx, creator, payout), rules)
