"""Creators offer perks, viewers earn them, creators let them be used."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from services.live.commands.consequences import settle_entitlements
from services.live.domain.perks import (
    PERKS_MAX,
    Entitlement,
    NoSuchEntitlement,
    NoSuchPerk,
    Perk,
    PerkKind,
    TooManyPerks,
)
from services.live.domain.quotas import ENTITLEMENT_USES, PERK_CHANGES, PERKS
from services.live.store import perks as store
from services.live.store import rules
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.identity.people import NotYours
from shared.postgres.database import Database, Transaction
from shared.quotas import store as quotas

UNLOCKED_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class PerkWish:
    """What a creator offers."""

    kind: PerkKind
    title: str
    description: str | None
    threshold_coins: int
    uses: int | None


async def offer(tx: Transaction, creator: str, wish: PerkWish, key: str, *, story: str) -> Perk:
    """Offer a perk, to those as well who gave enough already; the same key finds the same one."""
    # A perk is shown with its creator: its id tells others nothing more.
    identifier = uuid5(NAMESPACE, f"perk|{creator}\n{key}")
    # As older versions made it: there, two creators could come to the same id.
    former = uuid5(NAMESPACE, f"perk|{creator}|{key}")
    await rules.hold_counting_of(tx, creator)
    known = {one.perk: one for one in await store.of_creator(tx, creator)}
    if found := known.get(identifier) or known.get(former):
        return found
    if await store.was_offered(tx, former, creator):
        raise NoSuchPerk
    if len(known) >= PERKS_MAX:
        raise TooManyPerks(perks_max=PERKS_MAX)
    await quotas.use(tx, creator, PERKS)
    perk = _perk(identifier, creator, wish)
    if not await store.insert(tx, perk):
        raise NoSuchPerk
    await _unlock_past(tx, perk, after="", story=story)
    return perk


async def change(
    tx: Transaction, creator: str, identifier: UUID, wish: PerkWish, *, story: str
) -> Perk:
    """Offer something else from now on; who is entitled already stays so, as it was."""
    await rules.hold_counting_of(tx, creator)
    before = await store.find(tx, identifier, creator)
    if before is None:
        raise NoSuchPerk
    perk = _perk(identifier, creator, wish)
    if perk != before:
        await quotas.use(tx, creator, PERK_CHANGES)
    await store.change(tx, perk)
    # For less, more people gave enough; for as much, all of them are entitled or about to be.
    if perk.threshold_coins < before.threshold_coins:
        await _unlock_past(tx, perk, after="", story=story)
    return perk


async def remove(tx: Transaction, creator: str, identifier: UUID) -> None:
    """Offer a perk no longer; who is entitled already stays so."""
    if not await store.remove(tx, identifier, creator):
        raise NoSuchPerk


async def of_creator(tx: Transaction, creator: str) -> list[Perk]:
    return await store.of_creator(tx, creator)


async def entitlements_of(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Entitlement]:
    return await store.entitlements_of(tx, viewer, before=before, limit=limit)


async def check(tx: Transaction, user: str, identifier: UUID) -> Entitlement:
    """Return an entitlement to its viewer and to its creator; for anybody else there is none."""
    found = await store.entitlement(tx, identifier, locked=False)
    if found is None or user not in (found.viewer, found.creator):
        raise NoSuchEntitlement
    return found


async def use(tx: Transaction, creator: str, identifier: UUID, key: str) -> Entitlement:
    """Use an entitlement to one's perk up, once a key."""
    found = await store.entitlement(tx, identifier, locked=True)
    if found is None:
        raise NoSuchEntitlement
    if found.creator != creator:
        raise NotYours
    if not await store.was_used(tx, identifier, key):
        found.require_usable()
        await quotas.use(tx, creator, ENTITLEMENT_USES)
        await store.use(tx, identifier, key)
    return await check(tx, creator, identifier)


async def unlock_pasts(database: Database) -> bool:
    """Go on with perks whose past was too long for one go; return whether there may be more."""
    async with database.transaction() as tx:
        found = await store.with_open_past(tx)
    more = False
    for identifier in found:
        async with database.transaction() as tx:
            reached = await store.past_of(tx, identifier)
            if reached is not None:
                perk, after = reached
                more |= await _unlock_past(tx, perk, after=after, story=str(identifier))
    return more


async def _unlock_past(tx: Transaction, perk: Perk, *, after: str, story: str) -> bool:
    """
    Entitle some of those who gave enough before; return whether there may be more.

    The first go is part of the request, while the creator's gifts wait; a long past is not. Those
    who give meanwhile are entitled by whoever counts their gifts: what both look at, the supporters
    of one go, is locked.
    """
    given = await store.supporters_over(
        tx, perk.creator, perk.threshold_coins, limit=UNLOCKED_AT_A_TIME, after=after
    )
    if given:
        await settle_entitlements(tx, given, Cause(story))
    more = len(given) == UNLOCKED_AT_A_TIME
    await store.reach_past(tx, perk.perk, given[-1][1] if more else None)
    return more


def _perk(identifier: UUID, creator: str, wish: PerkWish) -> Perk:
    return Perk(
        perk=identifier,
        creator=creator,
        kind=wish.kind,
        title=wish.title,
        description=wish.description,
        threshold_coins=wish.threshold_coins,
        uses=wish.uses,
    )
