"""Perks that creators offer, and what viewers are entitled to by them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.live.api.bodies import CoinAmount, Request, Response, Text, Title
from services.live.api.dependencies import Creator, RequestCause, Slots
from services.live.api.setup_slots import SetUpBusy
from services.live.commands import perks, queries
from services.live.domain import perks as domain
from services.live.domain.perks import (
    NoSuchEntitlement,
    NoSuchPerk,
    PerkKind,
    PerkWithdrawn,
    TooManyPerks,
    UsedUp,
)
from services.live.domain.rooms import CreatorsOnly
from services.live.store import entitlements
from services.live.store import perks as perk_store
from shared.contracts.base import in_unit, like
from shared.http import (
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    exact_page,
    moment_in,
    refusals,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import (
    Coins,
    CreatorId,
    CreatorName,
    EntitlementId,
    Instant,
    PerkId,
    ViewerName,
)
from shared.http.pages import Cursor
from shared.identity.people import NotYours
from shared.quotas.rules import TooOften

PAGE = 20
USES_MAX = 1_000

router = APIRouter(tags=["perks"])


class PerkRequest(Request):
    """What a creator offers to viewers who gave them so much in all; `uses` null is no limit."""

    kind: Annotated[PerkKind, like("shout_out")]
    """What sort of perk it is, for apps to show and to act on; `custom` for everything else."""
    title: Annotated[Title, like("A song of your choice")]
    """What it is called, as viewers read it."""
    description: Annotated[Text, like("Write the song into the chat.")] | None = None
    """What a viewer gets and how; null if the title says all."""
    threshold_coins: Annotated[CoinAmount, in_unit("coins", 400)]
    """What a viewer has to have given the creator in all, openly, in coins."""
    uses: Annotated[int, Field(strict=True, ge=1, le=USES_MAX), in_unit("uses", 1)] | None = None
    """How often a viewer may use it; null for any number of times."""

    def offer(self) -> perks.Offer:
        return perks.Offer(**self.model_dump())


class Perk(Response):
    """A creator's offer to supporters with `threshold_coins` in all; `uses` null is no limit."""

    perk: PerkId
    creator: CreatorName
    """Who offers it: the `sub` of their token."""
    kind: Annotated[PerkKind, like("shout_out")]
    """What sort of perk it is, for apps to show and to act on; `custom` for everything else."""
    title: Annotated[str, like("A song of your choice")]
    """What it is called, as the creator wrote it: escape it before you show it."""
    description: Annotated[str, like("Write the song into the chat.")] | None
    """What a viewer gets and how, as written; null if the title says all."""
    threshold_coins: Annotated[Coins, like(400)]
    """What a viewer has to have given the creator in all, openly, in coins."""
    uses: Annotated[int, in_unit("uses", 1)] | None
    """How often a viewer may use it; null for any number of times."""


class PerksResponse(Response):
    perks: list[Perk]
    """The perks, those with the smallest threshold first; empty if there are none."""


class EntitlementResponse(Response):
    """
    A viewer's claim to a perk.

    `usable` is false once it is used up, or withdrawn because the gifts behind it lost their
    money; `uses_left` null is no limit.
    """

    entitlement: EntitlementId
    perk: PerkId
    """
    The perk that it is of. The creator may have changed or removed that since; these terms stay.
    """
    creator: CreatorName
    """Who offers the perk: the `sub` of their token."""
    viewer: ViewerName
    """Who may use it: the `sub` of their token."""
    kind: Annotated[PerkKind, like("shout_out")]
    """What sort of perk it is."""
    title: Annotated[str, like("A song of your choice")]
    """What it is called, as the creator wrote it: escape it before you show it."""
    threshold_coins: Annotated[Coins, like(400)]
    """What the viewer had to have given, in coins."""
    used: Annotated[int, in_unit("uses", 0)]
    """How often it was used."""
    uses_left: Annotated[int, in_unit("uses", 1)] | None
    """How often it can still be used; null for any number of times."""
    withdrawn: bool
    """
    Whether the gifts behind it lost their money, so that it cannot be used. It comes back if the
    money does.
    """
    usable: Annotated[bool, like(True)]
    """Whether it can be used now: neither withdrawn nor used up."""
    unlocked_at: Instant
    """When the viewer had given enough."""


@router.get("/creators/me/perks", responses=refusals(CreatorsOnly))
async def list_perks(caller: Creator, db: Db) -> PerksResponse:
    """List the perks one offers."""
    async with db.transaction() as tx:
        return PerksResponse(perks=_shown(await perk_store.list_perks(tx, caller.user)))


@router.get("/creators/{creator:person}/perks", openapi_extra=ANY_CALLER)
async def list_perks_of_creator(creator: CreatorId, _: Caller, db: Db) -> PerksResponse:
    """List the perks a creator offers, the smallest first."""
    async with db.transaction() as tx:
        return PerksResponse(perks=_shown(await perk_store.list_perks(tx, creator)))


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
        offered = await perks.offer_perk(tx, caller.user, body.offer(), key, cause=cause)
    return Perk.model_validate(offered)


@router.put(
    "/creators/me/perks/{perk}",
    responses=refusals(CreatorsOnly, NoSuchPerk, TooOften, SetUpBusy),
)
async def change_perk(
    perk: PerkId, body: PerkRequest, caller: Creator, db: Db, slots: Slots, cause: RequestCause
) -> Perk:
    """Offer something else from now on; who is entitled already stays so, as it was."""
    async with slots.take(), db.transaction() as tx:
        changed = await perks.change_perk(tx, caller.user, perk, body.offer(), cause=cause)
    return Perk.model_validate(changed)


@router.delete(
    "/creators/me/perks/{perk}",
    status_code=204,
    responses=refusals(CreatorsOnly, NoSuchPerk),
)
async def remove_perk(perk: PerkId, caller: Creator, db: Db) -> None:
    """Offer a perk no longer; who is entitled already stays so."""
    async with db.transaction() as tx:
        await perks.remove_perk(tx, caller.user, perk)


@router.get("/gifters/me/entitlements", responses=refusals(BadCursor))
async def list_entitlements(
    caller: Caller, db: Db, cursor: Cursor = None, limit: Limit = PAGE
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
async def read_entitlement(
    entitlement: EntitlementId, caller: Caller, db: Db
) -> EntitlementResponse:
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
    entitlement: EntitlementId, key: IdempotencyKey, caller: Creator, db: Db
) -> EntitlementResponse:
    """Use a claim to one's own perk up, once."""
    async with db.transaction() as tx:
        used = await perks.use_entitlement(tx, caller.user, entitlement, key)
    return EntitlementResponse.model_validate(used)


def _shown(offered: Sequence[domain.Perk]) -> list[Perk]:
    return [Perk.model_validate(each) for each in offered]
