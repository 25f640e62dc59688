"""Perks that creators offer, and what viewers are entitled to by them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.live.api.bodies import CoinAmount, Request, Response, Text, Title
from services.live.api.dependencies import Creator, RequestCause, Slots
from services.live.api.setup_slots import SetUpBusy
from services.live.commands import perks, queries
from services.live.domain.perks import (
    NoSuchEntitlement,
    NoSuchPerk,
    Perk,
    PerkKind,
    PerkWithdrawn,
    TooManyPerks,
    UsedUp,
)
from services.live.domain.rooms import CreatorsOnly
from services.live.store import entitlements
from services.live.store import perks as perk_store
from shared.http import (
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    UserId,
    exact_page,
    moment_in,
    refusals,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.people import NotYours
from shared.quotas.rules import TooOften

PAGE = 20
USES_MAX = 1_000

router = APIRouter(tags=["perks"])


class PerkRequest(Request):
    """What a creator offers to viewers who gave them so much in all; `uses` null is no limit."""

    kind: PerkKind
    title: Title
    description: Text | None = None
    threshold_coins: CoinAmount
    uses: Annotated[int, Field(strict=True, ge=1, le=USES_MAX)] | None = None

    def offer(self) -> perks.Offer:
        return perks.Offer(**self.model_dump())


class PerksResponse(Response):
    perks: list[Perk]


class EntitlementResponse(Response):
    """
    A viewer's claim to a perk.

    `usable` is false once it is used up, or withdrawn because the gifts behind it lost their
    money; `uses_left` null is no limit.
    """

    entitlement: UUID
    perk: UUID
    creator: str
    viewer: str
    kind: PerkKind
    title: str
    threshold_coins: int
    used: int
    uses_left: int | None
    withdrawn: bool
    usable: bool
    unlocked_at: datetime


@router.get("/creators/me/perks", responses=refusals(CreatorsOnly))
async def list_perks(caller: Creator, db: Db) -> PerksResponse:
    """List the perks one offers."""
    async with db.transaction() as tx:
        return PerksResponse(perks=await perk_store.list_perks(tx, caller.user))


@router.get("/creators/{creator:person}/perks", openapi_extra=ANY_CALLER)
async def list_perks_of_creator(creator: UserId, _: Caller, db: Db) -> PerksResponse:
    """List the perks a creator offers, the smallest first."""
    async with db.transaction() as tx:
        return PerksResponse(perks=await perk_store.list_perks(tx, creator))


@router.post(
    "/creators/me/perks",
    status_code=201,
    responses=refusals(
        # The perk of a key that is used again may be gone.
        *(IdempotencyKeyMissing, CreatorsOnly, TooManyPerks, NoSuchPerk),
        *(TooOften, SetUpBusy),
    ),
)
async def offer_perk(
    body: PerkRequest,
    key: IdempotencyKey,
    caller: Creator,
    db: Db,
    slots: Slots,
    cause: RequestCause,
) -> Perk:
    """Offer a perk; who has given enough already is entitled to it at once, or soon."""
    async with slots.take(), db.transaction() as tx:
        return await perks.offer_perk(tx, caller.user, body.offer(), key, cause=cause)


@router.put(
    "/creators/me/perks/{perk}",
    responses=refusals(CreatorsOnly, NoSuchPerk, TooOften, SetUpBusy),
)
async def change_perk(
    perk: UUID, body: PerkRequest, caller: Creator, db: Db, slots: Slots, cause: RequestCause
) -> Perk:
    """Offer something else from now on; who is entitled already stays so, as it was."""
    async with slots.take(), db.transaction() as tx:
        return await perks.change_perk(tx, caller.user, perk, body.offer(), cause=cause)


@router.delete(
    "/creators/me/perks/{perk}",
    status_code=204,
    responses=refusals(CreatorsOnly, NoSuchPerk),
)
async def remove_perk(perk: UUID, caller: Creator, db: Db) -> None:
    """Offer a perk no longer; who is entitled already stays so."""
    async with db.transaction() as tx:
        await perks.remove_perk(tx, caller.user, perk)


@router.get("/gifters/me/entitlements", responses=refusals(BadCursor))
async def list_entitlements(
    caller: Caller, db: Db, cursor: str | None = None, limit: Limit = PAGE
) -> Page[EntitlementResponse]:
    """List what one is entitled to, the newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await entitlements.list_entitlements(
            tx, caller.user, before=before, limit=limit + 1
        )
    return exact_page(
        found,
        limit,
        lambda last: (last.unlocked_at.isoformat(), str(last.entitlement)),
        EntitlementResponse.model_validate,
    )


@router.get("/entitlements/{entitlement}", responses=refusals(NoSuchEntitlement))
async def read_entitlement(entitlement: UUID, caller: Caller, db: Db) -> EntitlementResponse:
    """Check a claim: viewers their own, creators those to their perks. Others see none."""
    async with db.transaction() as tx:
        found = await queries.read_entitlement(tx, caller.user, entitlement)
    return EntitlementResponse.model_validate(found)


@router.post(
    "/entitlements/{entitlement}/use",
    responses=refusals(
        *(IdempotencyKeyMissing, CreatorsOnly, NotYours),
        *(NoSuchEntitlement, PerkWithdrawn, UsedUp, TooOften),
    ),
)
async def use_entitlement(
    entitlement: UUID, key: IdempotencyKey, caller: Creator, db: Db
) -> EntitlementResponse:
    """Use a claim to one's own perk up, once."""
    async with db.transaction() as tx:
        used = await perks.use_entitlement(tx, caller.user, entitlement, key)
    return EntitlementResponse.model_validate(used)
