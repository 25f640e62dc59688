"""Creators offer perks, viewers earn them, creators let them be used."""

from dataclasses import asdict, dataclass, replace
from uuid import UUID, uuid5

from services.live.commands.rewards import publish_entitlements
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
from services.live.store import entitlements
from services.live.store import perks as store
from services.live.store.creator_locks import lock_creator
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.idempotency import mark_replayed
from shared.identity.people import NotYours
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

UNLOCKED_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Offer:
    """What a creator offers."""

    kind: PerkKind
    title: str
    description: str | None
    threshold_coins: int
    uses: int | None


async def offer_perk(
    tx: Transaction, creator: str, offer: Offer, key: str, *, cause: Cause
) -> Perk:
    """Offer a perk, also to viewers who gave enough before; the same key finds the same one."""
    # A perk is shown with its creator: its id tells others nothing more.
    identifier = uuid5(NAMESPACE, f"perk|{creator}\n{key}")
    await lock_creator(tx, creator)
    known = {perk.perk: perk for perk in await store.list_perks(tx, creator)}
    if found := known.get(identifier):
        tx.after_commit(mark_replayed)
        return found
    if len(known) >= PERKS_MAX:
        raise TooManyPerks(perks_max=PERKS_MAX)
    await quotas.use(tx, creator, PERKS)
    perk = Perk(identifier, creator, **asdict(offer))
    if not await store.insert_perk(tx, perk):
        raise NoSuchPerk
    await _unlock_some(tx, perk, after="", cause=cause)
    return perk


async def change_perk(
    tx: Transaction, creator: str, identifier: UUID, offer: Offer, *, cause: Cause
) -> Perk:
    """Offer something else from now on; entitlements stay as they were unlocked."""
    await lock_creator(tx, creator)
    before = await store.find_perk(tx, identifier, creator)
    if before is None:
        raise NoSuchPerk
    perk = Perk(identifier, creator, **asdict(offer))
    if perk != before:
        await quotas.use(tx, creator, PERK_CHANGES)
    await store.update_perk(tx, perk)
    # For less, more people gave enough; for as much, all of them are entitled or about to be.
    if perk.threshold_coins < before.threshold_coins:
        await _unlock_some(tx, perk, after="", cause=cause)
    return perk


async def remove_perk(tx: Transaction, creator: str, identifier: UUID) -> None:
    """Offer a perk no longer; entitlements stay."""
    if not await store.remove_perk(tx, identifier, creator):
        raise NoSuchPerk


async def use_entitlement(tx: Transaction, creator: str, identifier: UUID, key: str) -> Entitlement:
    """Use an entitlement to one's perk, once a key."""
    found = await entitlements.lock_entitlement(tx, identifier)
    if found is None:
        raise NoSuchEntitlement
    if found.creator != creator:
        raise NotYours
    if await entitlements.has_use(tx, identifier, key):
        tx.after_commit(mark_replayed)
        return found
    found.require_usable()
    await quotas.use(tx, creator, ENTITLEMENT_USES)
    await entitlements.insert_use(tx, identifier, key)
    return replace(found, used=found.used + 1)


async def backfill_perk(tx: Transaction, identifier: UUID) -> bool:
    """Entitle more earlier supporters to a perk; return whether there may be more."""
    found = await store.lock_backfill(tx, identifier)
    if found is None:
        return False
    perk, after = found
    return await _unlock_some(tx, perk, after=after, cause=Cause(str(identifier)))


async def _unlock_some(tx: Transaction, perk: Perk, *, after: str, cause: Cause) -> bool:
    """
    Entitle some earlier supporters; return whether there may be more.

    The first of them are entitled by the request, while new gifts wait; the rest by a job. New
    gifts entitle by themselves: both lock the supporters they look at.
    """
    given = await entitlements.lock_supporters(
        tx, perk.creator, perk.threshold_coins, limit=UNLOCKED_AT_A_TIME, after=after
    )
    if given:
        await publish_entitlements(tx, given, cause)
    is_full = len(given) == UNLOCKED_AT_A_TIME
    await store.save_backfill(tx, perk.perk, given[-1][1] if is_full else None)
    return is_full
