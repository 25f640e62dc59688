"""Perks that creators offer, and what viewers are entitled to by them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.live.api.asking import (
    CoinWish,
    Creator,
    Text,
    Title,
    View,
    Wish,
)
from services.live.commands import perks
from services.live.commands.perks import PerkWish
from services.live.commands.slots import SetUpBusy, Slots
from services.live.domain.perks import (
    Entitlement,
    NoSuchEntitlement,
    NoSuchPerk,
    PerkKind,
    PerkWithdrawn,
    TooManyPerks,
    UsedUp,
)
from services.live.domain.rooms import CreatorsOnly
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    UserId,
    encode_cursor,
    moment_in,
    refusals,
    request_id,
)
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften

PAGE = 20
USES_MAX = 1_000


class NewPerk(Wish):
    """What a creator offers to whoever gave them so much in all; `uses` null is no limit."""

    kind: PerkKind
    title: Title
    description: Text | None = None
    threshold_coins: CoinWish
    uses: Annotated[int, Field(strict=True, ge=1, le=USES_MAX)] | None = None


class PerkView(View):
    perk: UUID
    creator: str
    kind: PerkKind
    title: str
    description: str | None
    threshold_coins: int
    uses: int | None


class Perks(View):
    perks: list[PerkView]


class EntitlementView(View):
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


def add_routes(router: APIRouter, database: Database, slots: Slots) -> None:
    _add_reading(router, database)
    _add_offering(router, database, slots)
    _add_entitlements(router, database)


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/creators/me/perks", tags=["creators"], responses=refusals(Unauthenticated, CreatorsOnly)
    )
    async def list_own_perks(caller: Creator) -> Perks:
        """List the perks one offers."""
        return await listed(caller.user)

    @router.get(
        "/creators/{creator}/perks",
        tags=["creators"],
        responses=refusals(Unauthenticated),
        openapi_extra=ANY_CALLER,
    )
    async def list_perks(creator: UserId, _: Caller) -> Perks:
        """List the perks a creator offers, the smallest first."""
        return await listed(creator)

    async def listed(creator: str) -> Perks:
        async with database.transaction() as tx:
            found = await perks.of_creator(tx, creator)
        return Perks(perks=[PerkView.model_validate(perk) for perk in found])


def _add_offering(router: APIRouter, database: Database, slots: Slots) -> None:
    @router.post(
        "/creators/me/perks",
        tags=["creators"],
        status_code=201,
        responses=refusals(
            # The perk of a key that is used again may be gone.
            *(Unauthenticated, IdempotencyKeyMissing, CreatorsOnly, TooManyPerks, NoSuchPerk),
            *(TooOften, SetUpBusy),
        ),
    )
    async def offer_perk(wish: NewPerk, key: IdempotencyKey, caller: Creator) -> PerkView:
        """Offer a perk; who has given enough already is entitled to it at once, or soon."""
        async with slots.one(), database.transaction() as tx:
            perk = await perks.offer(
                tx, caller.user, PerkWish(**wish.model_dump()), key, story=request_id()
            )
        return PerkView.model_validate(perk)

    @router.put(
        "/creators/me/perks/{perk}",
        tags=["creators"],
        responses=refusals(Unauthenticated, CreatorsOnly, NoSuchPerk, TooOften, SetUpBusy),
    )
    async def change_perk(perk: UUID, wish: NewPerk, caller: Creator) -> PerkView:
        """Offer something else from now on; who is entitled already stays so, as it was."""
        async with slots.one(), database.transaction() as tx:
            changed = await perks.change(
                tx, caller.user, perk, PerkWish(**wish.model_dump()), story=request_id()
            )
        return PerkView.model_validate(changed)

    @router.delete(
        "/creators/me/perks/{perk}",
        tags=["creators"],
        status_code=204,
        responses=refusals(Unauthenticated, CreatorsOnly, NoSuchPerk),
    )
    async def remove_perk(perk: UUID, caller: Creator) -> None:
        """Offer a perk no longer; who is entitled already stays so."""
        async with database.transaction() as tx:
            await perks.remove(tx, caller.user, perk)


def _add_entitlements(router: APIRouter, database: Database) -> None:
    @router.get(
        "/gifters/me/entitlements",
        tags=["gifters"],
        responses=refusals(Unauthenticated, BadCursor),
    )
    async def list_entitlements(
        caller: Caller, cursor: str | None = None, limit: Limit = PAGE
    ) -> Page[EntitlementView]:
        """List what one is entitled to, the newest first."""
        before = moment_in(cursor)
        async with database.transaction() as tx:
            found = await perks.entitlements_of(tx, caller.user, before=before, limit=limit + 1)
        more = len(found) > limit
        items = [_entitlement(one) for one in found[:limit]]
        place = (items[-1].unlocked_at.isoformat(), str(items[-1].entitlement)) if more else None
        return Page(items=items, next_cursor=encode_cursor(place) if place else None)

    @router.get(
        "/entitlements/{entitlement}",
        tags=["creators"],
        responses=refusals(Unauthenticated, NoSuchEntitlement),
    )
    async def check_entitlement(entitlement: UUID, caller: Caller) -> EntitlementView:
        """Check a claim: viewers their own, creators those to their perks. Others see none."""
        async with database.transaction() as tx:
            return _entitlement(await perks.check(tx, caller.user, entitlement))

    @router.post(
        "/entitlements/{entitlement}/use",
        tags=["creators"],
        responses=refusals(
            *(Unauthenticated, IdempotencyKeyMissing, CreatorsOnly, NotYours),
            *(NoSuchEntitlement, PerkWithdrawn, UsedUp, TooOften),
        ),
    )
    async def use_entitlement(
        entitlement: UUID, key: IdempotencyKey, caller: Creator
    ) -> EntitlementView:
        """Use a claim to one's own perk up, once."""
        async with database.transaction() as tx:
            return _entitlement(await perks.use(tx, caller.user, entitlement, key))


def _entitlement(found: Entitlement) -> EntitlementView:
    left = None if found.uses is None else found.uses - found.used
    return EntitlementView(
        entitlement=found.entitlement,
        perk=found.perk,
        creator=found.creator,
        viewer=found.viewer,
        kind=found.kind,
        title=found.title,
        threshold_coins=found.threshold_coins,
        used=found.used,
        uses_left=left,
        withdrawn=found.withdrawn,
        usable=not found.withdrawn and left != 0,
        unlocked_at=found.unlocked_at,
    )
