"""
Gifts are counted: a whole batch in one transaction, each event once, in any order.

Locks are taken in one order: rooms, gifts outside rooms, creators, scores, supporters, gifters,
goals, entitlements; each sorted. The number of statements does not depend on the number of events.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from services.live.commands import feed_entries, rewards
from services.live.commands.feed import FeedWriter, Show
from services.live.commands.rewards import Rewards
from services.live.domain.feed import EntryKind
from services.live.domain.gift_totals import (
    Changes,
    Gift,
    Reversal,
    RoomTotals,
    TotalKey,
    apply_reversals,
    count_gifts,
)
from services.live.store import gift_totals as store
from services.live.store.batch_context import BatchContext, read_batch_context
from services.live.store.creator_locks import lock_creators_shared
from services.live.store.feed import EntryKey, find_entries
from services.live.store.messages import save_decisions
from services.live.store.rebuild import note_old_events
from services.live.store.rooms import were_in_room
from shared.contracts.envelope import Envelope
from shared.contracts.gift import (
    ComboEnded,
    GiftEvent,
    GiftSent,
    MessageEvent,
    MessageShown,
    ReversalEvent,
)
from shared.postgres.database import Transaction

Received: TypeAlias = (
    Envelope[GiftSent] | Envelope[ComboEnded] | Envelope[ReversalEvent] | Envelope[MessageEvent]
)
# Gift has checked that the creator belongs to the room, and no other service publishes gifts. What
# was true when the viewer was charged is the same in every order, and does not depend on clocks.
CHECKED_BY_GIFT = ("room", "token")


@dataclass(slots=True)
class _Batch:
    """The received events by kind, each in the order in which they came."""

    sent: dict[UUID, Envelope[GiftSent]] = field(default_factory=dict)
    combos: dict[UUID, Envelope[ComboEnded]] = field(default_factory=dict)
    reversals: list[Envelope[ReversalEvent]] = field(default_factory=list)
    # The newest decision about each message.
    messages: dict[UUID, Envelope[MessageEvent]] = field(default_factory=dict)

    @classmethod
    def of(cls, received: Sequence[Received]) -> "_Batch":
        batch = cls()
        for envelope in received:
            if isinstance(envelope.data, GiftSent):
                batch.sent.setdefault(envelope.data.gift, envelope)
            elif isinstance(envelope.data, ComboEnded):
                batch.combos.setdefault(envelope.data.combo, envelope)
            elif isinstance(envelope.data, MessageEvent):
                newest = batch.messages.setdefault(envelope.data.gift, envelope)
                if envelope.data.revision > newest.data.revision:
                    batch.messages[envelope.data.gift] = envelope
            else:
                batch.reversals.append(envelope)
        return batch

    def rooms(self) -> set[str]:
        named = {event.room for event in self.gift_events()}
        named |= {envelope.data.room for envelope in self.combos.values()}
        named |= {envelope.data.room for envelope in self.messages.values()}
        return {room for room in named if room is not None}

    def gifts_outside_rooms(self) -> set[UUID]:
        named = {event.gift for event in self.gift_events() if event.room is None}
        return named | {
            gift for gift, envelope in self.messages.items() if envelope.data.room is None
        }

    def gift_events(self) -> list[GiftEvent]:
        return [
            *(envelope.data for envelope in self.sent.values()),
            *(envelope.data for envelope in self.reversals),
        ]

    def creators(self) -> set[str]:
        return {event.creator for event in self.gift_events()}


async def apply_gift_events(
    tx: Transaction, received: Sequence[Received], *, show: Show
) -> set[UUID]:
    """
    Bring rooms, leaderboards, levels, goals and perks up to date with events of gifts.

    Returns the ids of stale events.
    """
    batch = _Batch.of(received)
    rooms = await store.lock_rooms(tx, batch.rooms())
    await store.lock_gifts_outside_rooms(tx, batch.gifts_outside_rooms())
    referenced = {*(envelope.data.gift for envelope in batch.reversals), *batch.messages}
    counted = await store.find_gifts(tx, referenced)
    decisions = await _save_decisions(tx, batch)
    await lock_creators_shared(tx, batch.creators())
    context = await _read_context(tx, batch, counted)
    changes = await _count(tx, batch, context, rooms, counted)
    new_scores = await store.add_scores(tx, changes.scores)
    await store.change_scores(tx, changes.reversed_scores)
    newcomers: Counter[TotalKey] = Counter((room, period) for room, period, _ in new_scores)
    await store.add_totals(tx, changes.totals, newcomers)
    await store.save_reversals(tx, changes.reversals.values())
    feed = FeedWriter(rooms, show)
    earned = await rewards.apply_changes(tx, changes, context, batch.sent, batch.reversals)
    await _show_batch(tx, feed, batch, changes, earned)
    for gift, message in decisions.items():
        event = batch.messages[gift].data
        if event.room is not None and gift in counted and counted[gift].belongs:
            shown = feed_entries.show_message(event, message)
            feed.add(event.room, EntryKind.MESSAGE, event.id, shown)
    earned.show(feed)
    await feed.save(tx)
    await earned.publish(tx)
    if context.is_quiet:
        await note_old_events(tx, earliest=min(envelope.time for envelope in received))
    return {batch.reversals[position].id for position in changes.stale}


async def _save_decisions(tx: Transaction, batch: _Batch) -> dict[UUID, str | None]:
    """Store the decisions about messages; return the messages that changed by it."""
    decisions: dict[UUID, tuple[int, str | None]] = {}
    for gift, envelope in batch.messages.items():
        event = envelope.data
        message = event.message if isinstance(event, MessageShown) else None
        decisions[gift] = (event.revision, message)
    return await save_decisions(tx, decisions)


async def _find_misplaced(tx: Transaction, batch: _Batch) -> set[UUID]:
    """
    Return gifts and combos whose creator was neither owner nor guest of their room then.

    Where gift did not check it, our own rooms as of that time decide. They are locked, and a room
    is opened or has a new guest only after the last gift that was counted.
    """
    asked = [
        (gift, envelope.data.room, envelope.data.creator, envelope.time)
        for gift, envelope in batch.sent.items()
        if envelope.data.room is not None and envelope.data.target not in CHECKED_BY_GIFT
    ]
    asked += [
        (combo, envelope.data.room, envelope.data.creator, envelope.data.started_at)
        for combo, envelope in batch.combos.items()
        if envelope.data.target not in CHECKED_BY_GIFT
    ]
    if not asked:
        return set()
    belonging = await were_in_room(tx, [each[1:] for each in asked])
    return {each[0] for each, belongs in zip(asked, belonging, strict=True) if not belongs}


async def _read_context(tx: Transaction, batch: _Batch, counted: dict[UUID, Gift]) -> BatchContext:
    moments = [envelope.time for envelope in batch.sent.values()]
    moments += [gift.sent_at for gift in counted.values()]
    return await read_batch_context(
        tx,
        rooms=batch.rooms(),
        creators=batch.creators(),
        earliest=min(moments, default=datetime.now(UTC)),
        latest=max(moments, default=datetime.now(UTC)),
    )


async def _count(
    tx: Transaction,
    batch: _Batch,
    context: BatchContext,
    rooms: dict[str, RoomTotals],
    counted: dict[UUID, Gift],
) -> Changes:
    """Store what is new, and work out everything that changes by it."""
    misplaced = await _find_misplaced(tx, batch)
    gifts = {
        gift: _gift(envelope, context, belongs=gift not in misplaced)
        for gift, envelope in batch.sent.items()
    }
    new = await store.insert_gifts(tx, gifts.values(), generation=context.generation)
    reversals = [_reversal(envelope.data) for envelope in batch.reversals]
    known = await store.find_reversals(tx, {*new, *(reversal.gift for reversal in reversals)})
    here = {gift: each for gift, each in gifts.items() if gift in new}
    changes = count_gifts(rooms, here.values(), known=known)
    changes.stale = apply_reversals(
        rooms, changes, reversals, counted={**counted, **here}, known=known
    )
    changes.unseen = {gift for gift, each in new.items() if each.is_new}
    changes.misplaced = misplaced | {gift for gift, each in counted.items() if not each.belongs}
    changes.messages = {gift: each.message for gift, each in new.items() if each.is_decided}
    return changes


async def _show_batch(
    tx: Transaction, feed: FeedWriter, batch: _Batch, changes: Changes, earned: Rewards
) -> None:
    """Show gifts, ends of combos and reversals in their rooms, if they were not shown before."""
    candidates: list[tuple[tuple[str, EntryKind, UUID], dict[str, object]]] = []
    for gift, sent in batch.sent.items():
        if gift in changes.misplaced or gift not in changes.unseen or sent.data.room is None:
            continue
        shown = feed_entries.show_gift(
            sent,
            level=earned.levels.get(sent.data.viewer, 0),
            first=gift in earned.first_gifts,
            message=changes.messages.get(gift, sent.data.message),
        )
        candidates.append(((sent.data.room, EntryKind.GIFT, gift), shown))
    for combo, ended in batch.combos.items():
        if combo not in changes.misplaced:
            shown = feed_entries.show_combo(ended.data, earned.levels)
            candidates.append(((ended.data.room, EntryKind.COMBO, combo), shown))
    for envelope in batch.reversals:
        event = envelope.data
        newest = changes.reversals.get((event.gift, event.lot))
        # One payment's gifts lose their money at one moment. Beside those of its viewer an
        # anonymous gift would be known; its room's totals have what it lost.
        if event.room is None or event.anonymous or event.gift in changes.misplaced:
            continue
        if newest is not None and newest.revision == event.revision:
            key = (event.room, EntryKind.REVERSAL, event.id)
            candidates.append((key, feed_entries.show_reversal(event)))
    asked: list[EntryKey] = [key for key, _ in candidates if key[1] != EntryKind.GIFT]
    known = await find_entries(tx, asked)
    for key, shown in candidates:
        if key not in known:
            feed.add(*key, shown)


def _gift(envelope: Envelope[GiftSent], context: BatchContext, *, belongs: bool) -> Gift:
    sent = envelope.data
    return Gift(
        gift=sent.gift,
        room=sent.room,
        viewer=sent.viewer,
        creator=sent.creator,
        coins=sent.coins,
        anonymous=sent.anonymous,
        sent_at=envelope.time,
        stream=context.stream_of(sent.room, envelope.time),
        belongs=belongs,
    )


def _reversal(event: ReversalEvent) -> Reversal:
    return Reversal(event.gift, event.lot, event.room, event.revision, event.reversed_coins)
