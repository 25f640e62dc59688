"""
Gifts are followed: a whole batch in one transaction, each fact once, in whatever order they come.

Locks are taken in one order: rooms, roomless gifts, creators, scores, supporters, gifters, goals,
entitlements; each sorted. The number of statements does not depend on the number of facts.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from services.live.commands import consequences, describing
from services.live.commands.consequences import Outcome
from services.live.commands.feeding import Page, Show
from services.live.domain import gifts as domain
from services.live.domain.gifts import Changes, Gift, Reversal, Room, TotalKey
from services.live.store import counting as store
from services.live.store import feed, rebuilding
from services.live.store import rules as rule_store
from services.live.store.rules import Rules
from services.live.store.standing import Books
from services.live.store.standing import books as read_books
from shared.contracts.envelope import Envelope
from shared.contracts.gift import ComboEnded, GiftEvent, GiftSent, ReversalEvent
from shared.database import Transaction

Heard: TypeAlias = Envelope[GiftSent] | Envelope[ComboEnded] | Envelope[ReversalEvent]


@dataclass(slots=True)
class _Batch:
    """What was heard, by kind, each in the order in which it came."""

    sent: dict[UUID, Envelope[GiftSent]] = field(default_factory=dict)
    combos: dict[UUID, Envelope[ComboEnded]] = field(default_factory=dict)
    reversals: list[Envelope[ReversalEvent]] = field(default_factory=list)

    @classmethod
    def of(cls, received: Sequence[Heard]) -> "_Batch":
        batch = cls()
        for heard in received:
            if isinstance(heard.data, GiftSent):
                batch.sent.setdefault(heard.data.gift, heard)
            elif isinstance(heard.data, ComboEnded):
                batch.combos.setdefault(heard.data.combo, heard)
            else:
                batch.reversals.append(heard)
        return batch

    def rooms(self) -> set[str]:
        named = {fact.room for fact in self.gift_facts()}
        named |= {heard.data.room for heard in self.combos.values()}
        return {room for room in named if room is not None}

    def roomless(self) -> set[UUID]:
        return {fact.gift for fact in self.gift_facts() if fact.room is None}

    def gift_facts(self) -> list[GiftEvent]:
        return [
            *(heard.data for heard in self.sent.values()),
            *(heard.data for heard in self.reversals),
        ]


async def follow(tx: Transaction, received: Sequence[Heard], *, show: Show) -> set[UUID]:
    """
    Let rooms, standings, levels, goals and perks follow what was heard of gifts.

    Returns which facts were old news.
    """
    batch = _Batch.of(received)
    rooms = await store.lock_rooms(tx, batch.rooms())
    await store.lock_roomless(tx, batch.roomless())
    counted = await store.find_gifts(tx, {heard.data.gift for heard in batch.reversals})
    await rule_store.keep_rules_of(tx, {fact.creator for fact in batch.gift_facts()})
    rules = await _read_rules(tx, batch, counted)
    changes = await _count(tx, batch, rules, rooms, counted)
    new_scores = await store.add_scores(tx, changes.scores)
    await store.lower_scores(tx, changes.lowered_scores)
    newcomers: Counter[TotalKey] = Counter((room, period) for room, period, _ in new_scores)
    await store.add_totals(tx, changes.totals, newcomers)
    await store.save_reversals(tx, changes.reversals.values())
    page = Page(rooms)
    outcome = await consequences.settle(tx, changes, rules, batch.sent, batch.reversals)
    await _show(tx, page, batch, changes, outcome)
    outcome.show(page)
    await page.save(tx, show=show)
    await outcome.announce(tx)
    if rules.quiet:
        await rebuilding.still_counting(tx, earliest=min(heard.time for heard in received))
    return {batch.reversals[place].id for place in changes.stale}


async def _read_rules(tx: Transaction, batch: _Batch, counted: dict[UUID, Gift]) -> Rules:
    moments = [heard.time for heard in batch.sent.values()]
    moments += [gift.sent_at for gift in counted.values()]
    creators = {fact.creator for fact in batch.gift_facts()}
    return await rule_store.read(
        tx,
        rooms=batch.rooms(),
        creators=creators,
        earliest=min(moments, default=datetime.now(UTC)),
        latest=max(moments, default=datetime.now(UTC)),
    )


async def _count(
    tx: Transaction,
    batch: _Batch,
    rules: Rules,
    rooms: dict[str, Room],
    counted: dict[UUID, Gift],
) -> Changes:
    """Remember what is new, and work out everything that changes by it."""
    gifts = {gift: _gift(heard, rules) for gift, heard in batch.sent.items()}
    new = await store.count_gifts(tx, gifts.values(), counting=rules.counting)
    told = [_reversal(heard.data) for heard in batch.reversals]
    known = await store.find_reversals(tx, {*new, *(reversal.gift for reversal in told)})
    changes = domain.add_up(
        rooms, [gift for gift in gifts.values() if gift.gift in new], known=known
    )
    here = {gift: gifts[gift] for gift in new}
    counted_now = {**counted, **here}
    changes.stale = domain.take_back(rooms, changes, told, counted=counted_now, known=known)
    changes.unseen = {gift for gift, is_new in new.items() if is_new}
    return changes


async def _show(
    tx: Transaction,
    page: Page,
    batch: _Batch,
    changes: Changes,
    outcome: Outcome,
) -> None:
    """Show gifts, ends of combos and reversals in their rooms, if they were not shown before."""
    candidates: list[tuple[tuple[str, str, UUID], dict[str, object]]] = []
    for identifier, sent in batch.sent.items():
        if identifier in changes.unseen and sent.data.room is not None:
            shown = describing.gift(
                sent,
                level=outcome.levels.get(sent.data.viewer, 0),
                first=identifier in outcome.first_gifts,
            )
            candidates.append(((sent.data.room, describing.GIFT, identifier), shown))
    candidates += [
        ((ended.data.room, describing.COMBO, combo), describing.combo(ended, outcome.levels))
        for combo, ended in batch.combos.items()
    ]
    for heard in batch.reversals:
        told = changes.reversals.get((heard.data.gift, heard.data.lot))
        if told is None or told.revision != heard.data.revision or told.room is None:
            continue
        key = (told.room, describing.REVERSAL, heard.data.id)
        candidates.append((key, describing.reversal(heard)))
    asked = {key for key, _ in candidates if key[1] != describing.GIFT}
    before = await feed.shown_before(tx, asked)
    for key, shown in candidates:
        if key not in before:
            page.add(*key, shown)


async def begin_again(tx: Transaction) -> None:
    """
    Empty what follows from gifts, for whoever says all of them again; needs the owner's rights.

    What people set up stays, and so does what was announced and shown. Nothing is announced until
    `end_filling` and until all was heard; who does not come to that begins again.
    """
    await rebuilding.begin(tx)


async def end_filling(tx: Transaction) -> None:
    """Say that all gifts were said again: what differs is announced once they have been heard."""
    await rebuilding.end_filling(tx)


async def books(tx: Transaction) -> Books:
    return await read_books(tx)


def _gift(heard: Envelope[GiftSent], rules: Rules) -> Gift:
    sent = heard.data
    return Gift(
        gift=sent.gift,
        room=sent.room,
        viewer=sent.viewer,
        creator=sent.creator,
        anonymous=sent.anonymous,
        coins=sent.coins,
        sent_at=heard.time,
        stream=rules.stream_of(sent.room, heard.time),
    )


def _reversal(told: ReversalEvent) -> Reversal:
    return Reversal(told.gift, told.lot, told.room, told.revision, told.reversed_coins)
