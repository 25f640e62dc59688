"""
Gifts are counted: a whole batch in one transaction, each event once, in any order.

What was counted is known by keys that last: a gift by its id, a reversal by gift, lot and revision,
a decision about a message by gift and revision, the end of a combo by its entry in the feed.

Locks are taken in one order: rooms, gifts outside rooms, creators, goals, supporters, gifters,
entitlements; each sorted. A batch of any size is four statements: lock, read, add up, and
write what follows. One more each for perks, for what is published, and for what is rare: decisions
about messages, reversals, gifts whose room gift did not check.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    apply_reversals,
    count_gifts,
)
from services.live.store import gift_totals as store
from services.live.store.batch_context import Asked, BatchContext, read_batch_context
from services.live.store.batch_locks import lock_batch
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

    def asked(self) -> Asked:
        """Return what has to be known of these events."""
        entries = {
            (envelope.data.room, EntryKind.COMBO.value, combo)
            for combo, envelope in self.combos.items()
        }
        entries |= {
            (envelope.data.room, EntryKind.REVERSAL.value, envelope.id)
            for envelope in self.reversals
            if envelope.data.room is not None
        }
        return Asked(
            rooms=self.rooms(),
            creators=self.creators(),
            gifts={*self.sent, *self.messages, *(each.data.gift for each in self.reversals)},
            entries=entries,
            moments=[envelope.time for envelope in self.sent.values()],
        )


async def apply_gift_events(
    tx: Transaction, received: Sequence[Received], *, show: Show
) -> set[UUID]:
    """
    Bring rooms, leaderboards, levels, goals and perks up to date with events of gifts.

    Returns the ids of stale events.
    """
    batch = _Batch.of(received)
    await lock_batch(
        tx, rooms=batch.rooms(), gifts=batch.gifts_outside_rooms(), creators=batch.creators()
    )
    decisions = await _save_decisions(tx, batch)
    context = await read_batch_context(tx, batch.asked())
    changes = await _count(tx, batch, context)
    earned = await rewards.apply_changes(tx, changes, context, batch.sent, batch.reversals)
    # Scores of this batch's gifts are there now.
    await store.save_reversals(tx, changes.reversals.values(), changes.reversed_scores)
    feed = FeedWriter(context.rooms, show)
    _show_batch(feed, batch, context, changes, earned)
    _show_messages(feed, batch, context, decisions)
    earned.show(feed)
    await feed.save(tx, earned.changed_levels, earned.changed_goals)
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


async def _count(tx: Transaction, batch: _Batch, context: BatchContext) -> Changes:
    """Work out what is new, and everything that changes by it."""
    misplaced = await _find_misplaced(tx, batch)
    new = {
        gift: _gift(envelope, context, belongs=gift not in misplaced)
        for gift, envelope in batch.sent.items()
        if gift not in context.counted
    }
    reversals = [_reversal(envelope.data) for envelope in batch.reversals]
    known = context.known_reversals()
    changes = count_gifts(context.rooms, new.values(), known=known)
    changes.stale = apply_reversals(
        context.rooms, changes, reversals, counted={**context.counted, **new}, known=known
    )
    changes.unseen = new.keys() - context.older
    changes.misplaced = misplaced | {
        gift for gift, each in context.counted.items() if not each.belongs
    }
    return changes


def _show_batch(
    feed: FeedWriter, batch: _Batch, context: BatchContext, changes: Changes, earned: Rewards
) -> None:
    """Show gifts, ends of combos and reversals in their rooms, if they were not shown before."""
    for gift, sent in batch.sent.items():
        if gift in changes.misplaced or gift not in changes.unseen or sent.data.room is None:
            continue
        shown = feed_entries.show_gift(
            sent,
            level=earned.levels.get(sent.data.viewer, 0),
            first=gift in earned.first_gifts,
            message=context.messages.get(gift, sent.data.message),
        )
        feed.add(sent.data.room, EntryKind.GIFT, gift, shown)
    for combo, ended in batch.combos.items():
        key = (ended.data.room, EntryKind.COMBO, combo)
        if combo not in changes.misplaced and key not in context.shown:
            feed.add(*key, feed_entries.show_combo(ended.data, earned.levels))
    for envelope in batch.reversals:
        event = envelope.data
        newest = changes.reversals.get((event.gift, event.lot))
        # One payment's gifts lose their money at one moment. Beside those of its viewer an
        # anonymous gift would be known; its room's totals have what it lost.
        if event.room is None or event.anonymous or event.gift in changes.misplaced:
            continue
        reversal_key = (event.room, EntryKind.REVERSAL, event.id)
        if newest is None or newest.revision != event.revision or reversal_key in context.shown:
            continue
        feed.add(*reversal_key, feed_entries.show_reversal(event))


def _show_messages(
    feed: FeedWriter, batch: _Batch, context: BatchContext, decisions: dict[UUID, str | None]
) -> None:
    """Show decisions about messages of gifts that the room has seen."""
    for gift, message in decisions.items():
        event, counted = batch.messages[gift].data, context.counted.get(gift)
        if event.room is not None and counted is not None and counted.belongs:
            shown = feed_entries.show_message(event, message)
            feed.add(event.room, EntryKind.MESSAGE, event.id, shown)


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
