"""Counting taps in a row: joining a combo, adding up what was sent, ending what is over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import structlog

from services.gift.domain.catalogue import Catalogue, tier_of
from services.gift.domain.combos import (
    Change,
    Combo,
    ComboKey,
    Outcome,
    Place,
    changes,
    places,
    taps,
)
from services.gift.domain.gifts import Gift
from services.gift.store import combos as store
from services.gift.store.combos import Tap
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.gift import ComboEnded
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

log = structlog.get_logger()

# Many combos end at once when a stream does.
END_MAX = 1_000
# By then an open gift has been asked for again (after ten minutes), and was answered.
RECOUNT_AFTER_SECONDS = 900
RECOUNT_MAX = 500


async def join_combos(
    tx: Transaction, new: Sequence[Gift], catalogue: Catalogue
) -> tuple[dict[UUID, UUID], list[Fact]]:
    """
    Add gifts that were just remembered to their combos.

    Return the combo of each gift, and the facts of combos that were over and not ended yet: a late
    gift never joins one.
    """
    wanted = taps(new)
    if not wanted:
        return {}, []
    tapped = [
        Tap(key, len(gifts), combo_id(gifts[0].id), gifts[0].correlation_id, gifts[0].target)
        for key, gifts in wanted.items()
    ]
    joined = await store.tap(tx, tapped)
    facts: list[Fact] = []
    if late := [tap for tap in tapped if tap.key not in joined]:
        over = await store.end(tx, [tap.key for tap in late])
        facts = combos_ended(over, catalogue)
        joined |= await store.tap(tx, late)
    return {gift.id: joined[key] for key, gifts in wanted.items() for gift in gifts}, facts


@dataclass(frozen=True, slots=True)
class Counted:
    """Outcomes as counted in their locked combos, and what else is known of their gifts."""

    places: Mapping[UUID, Place]
    changes: Mapping[ComboKey, tuple[UUID, Change]]
    # Gifts whose reversals arrived before their outcome.
    reversed_early: Collection[UUID]


async def count_outcomes(tx: Transaction, outcomes: Sequence[Outcome]) -> Counted:
    """Lock the combos of gifts, which are locked, and count the outcomes; write nothing."""
    changed = changes(outcomes)
    gifts = [gift for gift, _ in outcomes]
    running, reversed_early = await store.lock_running(tx, changed, gifts)
    counted = {key: (running[key].combo, change) for key, change in changed.items()}
    return Counted(places(outcomes, running), counted, reversed_early)


async def end_combos(tx: Transaction, catalogue: Catalogue) -> bool:
    """End combos that are over; return whether there may be more."""
    over = await store.end_any(tx, limit=END_MAX)
    await publish(tx, combos_ended(over, catalogue))
    return len(over) == END_MAX


async def recount_combos(tx: Transaction) -> bool:
    """
    Correct combos that wait for gifts which are not open; return whether there may be more.

    A version that knows no combos decides gifts and counts none down; its combos never ended.
    """
    recounted = await store.recount(tx, untouched_seconds=RECOUNT_AFTER_SECONDS, limit=RECOUNT_MAX)
    if recounted:
        log.warning("combos.recounted", combos=recounted)
    return recounted == RECOUNT_MAX


def combo_id(first_gift: UUID) -> UUID:
    return uuid5(NAMESPACE, f"combo\n{first_gift}")


def combos_ended(combos: Sequence[Combo], catalogue: Catalogue) -> list[Fact]:
    """Say that combos are over; of one in which nothing was sent there is nothing to say."""
    return [_ended(combo, catalogue) for combo in combos if combo.sent_gifts]


def _ended(combo: Combo, catalogue: Catalogue) -> Fact:
    assert combo.ended_at is not None
    shown = catalogue.find(combo.gift_type)
    event = ComboEnded(
        combo=combo.id,
        viewer=combo.viewer,
        creator=combo.creator,
        room=combo.room,
        gift_type=combo.gift_type,
        tier=tier_of(combo.coins // combo.repeat_count),
        display_name=shown.display_name if shown else None,
        anonymous=combo.anonymous,
        gifts=combo.sent_gifts,
        repeat_count=combo.repeat_count,
        combo_coins=combo.coins,
        started_at=combo.started_at,
        ended_at=combo.ended_at,
        target=combo.target,
    )
    return Fact(event, 1, Cause(combo.correlation_id), combo.ended_at)
