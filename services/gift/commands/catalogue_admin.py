"""Changing what is on offer: checked, numbered, explained, and told to everyone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from services.gift.commands.files import use_files
from services.gift.domain.catalogue import (
    GiftType,
    GiftTypeTaken,
    RevisionOutdated,
    TierMismatch,
    UnknownGift,
)
from services.gift.store import catalogue as store
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause
from shared.contracts.gift import CatalogueChanged
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# What counts itself.
_COUNTED = ("revision", "price_version")


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes the catalogue, and why."""

    operator: str
    reason: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is, or would be, another."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change makes of an entry; the same whether it is written or only looked at."""

    entry: GiftType
    changes: Sequence[Difference]
    warnings: Sequence[str]


async def add_gift_type(
    tx: Transaction, wanted: GiftType, editor: Editor, *, tier: str | None, preview: bool
) -> Edit:
    """Put a new gift on offer."""
    await store.lock(tx)
    if await store.find(tx, wanted.id) is not None:
        raise GiftTypeTaken(gift_type=wanted.id)
    _require_tier(wanted, tier)
    wanted = await use_files(tx, wanted)
    edit = Edit(wanted, _differences({}, asdict(wanted)), ())
    if not preview:
        await _write(tx, edit, editor, action="catalogue.added", repriced=True)
    return edit


async def change_gift_type(
    tx: Transaction,
    wanted: GiftType,
    editor: Editor,
    *,
    revision: int,
    tier: str | None,
    preview: bool,
) -> Edit:
    """Make an entry what is wanted, if it is still what the operator looked at."""
    await store.lock(tx)
    known = await find_gift_type(tx, wanted.id)
    if known.revision != revision:
        raise RevisionOutdated(gift_type=known.id, revision=known.revision)
    _require_tier(wanted, tier)
    wanted = await use_files(tx, wanted)
    repriced = wanted.price_coins != known.price_coins
    entry = replace(
        wanted,
        revision=known.revision + 1,
        price_version=known.price_version + repriced,
    )
    changes = _differences(asdict(known), asdict(entry))
    if not changes:
        return Edit(known, (), ())
    edit = Edit(entry, changes, _warnings(known, entry))
    if not preview:
        await _write(tx, edit, editor, action="catalogue.changed", repriced=repriced)
    return edit


async def find_gift_type(tx: Transaction, gift_type: str) -> GiftType:
    found = await store.find(tx, gift_type)
    if found is None:
        raise UnknownGift(gift_type=gift_type)
    return found


async def prices_of(tx: Transaction, gift_type: str) -> list[store.Price]:
    await find_gift_type(tx, gift_type)
    return await store.prices(tx, gift_type)


async def _write(
    tx: Transaction, edit: Edit, editor: Editor, *, action: str, repriced: bool
) -> None:
    entry = edit.entry
    await store.save(tx, [entry], repriced=[entry.id] if repriced else [], operator=editor.operator)
    await audit(
        tx,
        operator=editor.operator,
        action=action,
        user=entry.id,
        reason=editor.reason,
        revision=entry.revision,
        changes=[asdict(change) for change in edit.changes],
    )
    event = CatalogueChanged(
        gift_type=entry.id,
        revision=entry.revision,
        names=dict(entry.names),
        price_coins=entry.price_coins,
        price_version=entry.price_version,
        tier=entry.tier,
        mode=entry.mode,
        category=entry.category,
        is_active=entry.is_active,
    )
    await publish(tx, [Fact(event, entry.revision, Cause(editor.correlation_id))], archive=True)


def _require_tier(wanted: GiftType, tier: str | None) -> None:
    if tier not in (None, wanted.tier):
        raise TierMismatch(price_coins=wanted.price_coins, tier=wanted.tier)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(name, before.get(name), value)
        for name, value in after.items()
        if name not in _COUNTED and before.get(name) != value
    ]


def _warnings(before: GiftType, after: GiftType) -> list[str]:
    """Say what an operator may not have meant."""
    warnings = []
    if before.tier != after.tier:
        warnings.append(f"The new price moves this gift from {before.tier} to {after.tier}.")
    if before.is_active and not after.is_active:
        warnings.append("Nobody can send this gift any more; gifts already asked for are sent.")
    if before.mode != after.mode:
        warnings.append("Combos that are running end as they began.")
    return warnings
