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
from services.live.store import feed, rebuilding, stages
from services.live.store import messages as message_store
from services.live.store import rules as rule_store
from services.live.store.rules import Rules
from services.live.store.standing import Books
from services.live.store.standing import books as read_books
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

Heard: TypeAlias = (
    Envelope[GiftSent] | Envelope[ComboEnded] | Envelope[ReversalEvent] | Envelope[MessageEvent]
)
# Gift has checked that the creator belongs to the room, and nobody else announces gifts. The answer
# of the moment at which the viewer was charged is the same in every order, and does not depend on
# whose clock is right.
VOUCHED = ("room", "token")


@dataclass(slots=True)
class _Batch:
    """What was heard, by kind, each in the order in which it came."""

    sent: dict[UUID, Envelope[GiftSent]] = field(default_factory=dict)
    combos: dict[UUID, Envelope[ComboEnded]] = field(default_factory=dict)
    reversals: list[Envelope[ReversalEvent]] = field(default_factory=list)
    # The newest decision about each message.
    messages: dict[UUID, Envelope[MessageEvent]] = field(default_factory=dict)

    @classmethod
    def of(cls, received: Sequence[Heard]) -> "_Batch":
        batch = cls()
        for heard in received:
            if isinstance(heard.data, GiftSent):
                batch.sent.setdefault(heard.data.gift, heard)
            elif isinstance(heard.data, ComboEnded):
                batch.combos.setdefault(heard.data.combo, heard)
            elif isinstance(heard.data, MessageEvent):
                newest = batch.messages.setdefault(heard.data.gift, heard)
                if heard.data.revision > newest.data.revision:
                    batch.messages[heard.data.gift] = heard
            else:
                batch.reversals.append(heard)
        return batch

    def rooms(self) -> set[str]:
        named = {fact.room for fact in self.gift_facts()}
        named |= {heard.data.room for heard in self.combos.values()}
        named |= {heard.data.room for heard in self.messages.values()}
        return {room for room in named if room is not None}

    def roomless(self) -> set[UUID]:
        named = {fact.gift for fact in self.gift_facts() if fact.room is None}
        return named | {gift for gift, heard in self.messages.items() if heard.data.room is None}

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
    asked = {*(heard.data.gift for heard in batch.reversals), *batch.messages}
    counted = await store.find_gifts(tx, asked)
    decided = await _keep_messages(tx, batch)
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
    for gift, text in decided.items():
        told = batch.messages[gift].data
        if told.room is not None and gift in counted and counted[gift].belongs:
            page.add(told.room, describing.MESSAGE, told.id, describing.message(told, text))
    outcome.show(page)
    await page.save(tx, show=show)
    await outcome.announce(tx)
    if rules.quiet:
        await rebuilding.still_counting(tx, earliest=min(heard.time for heard in received))
    return {batch.reversals[place].id for place in changes.stale}


async def _keep_messages(tx: Transaction, batch: _Batch) -> dict[UUID, str | None]:
    """Keep what was decided about messages; return the texts of those that changed by it."""
    decisions: dict[UUID, tuple[int, str | None]] = {}
    for gift, heard in batch.messages.items():
        told = heard.data
        decisions[gift] = (
            told.revision,
            told.message if isinstance(told, MessageShown) else None,
        )
    return await message_store.keep(tx, decisions)


async def _find_strangers(tx: Transaction, batch: _Batch) -> set[UUID]:
    """
    Return gifts, and combos, to somebody who was neither owner nor guest of their room then.

    What gift did not vouch for is looked up in our own rooms, as of when it was sent. They are
    locked, and whoever opens one or has a guest does so after the last gift that was counted.
    """
    asked = [
        (gift, heard.data.room, heard.data.creator, heard.time)
        for gift, heard in batch.sent.items()
        if heard.data.room is not None and heard.data.target not in VOUCHED
    ]
    asked += [
        (combo, heard.data.room, heard.data.creator, heard.data.started_at)
        for combo, heard in batch.combos.items()
        if heard.data.target not in VOUCHED
    ]
    if not asked:
        return set()
    belonging = await stages.belonging(tx, [each[1:] for each in asked])
    return {each[0] for each, belongs in zip(asked, belonging, strict=True) if not belongs}


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
    strangers = await _find_strangers(tx, batch)
    gifts = {
        gift: _gift(heard, rules, belongs=gift not in strangers)
        for gift, heard in batch.sent.items()
    }
    new = await store.count_gifts(tx, gifts.values(), counting=rules.counting)
    told = [_reversal(heard.data) for heard in batch.reversals]
    known = await store.find_reversals(tx, {*new, *(reversal.gift for reversal in told)})
    changes = domain.add_up(
        rooms, [gift for gift in gifts.values() if gift.gift in new], known=known
    )
    here = {gift: gifts[gift] for gift in new}
    counted_now = {**counted, **here}
    changes.stale = domain.take_back(rooms, changes, told, counted=counted_now, known=known)
    changes.unseen = {gift for gift, each in new.items() if each.is_new}
    changes.strangers = strangers | {gift for gift, each in counted.items() if not each.belongs}
    changes.messages = {gift: each.message for gift, each in new.items() if each.is_decided}
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
        if identifier in changes.strangers:
            continue
        if identifier in changes.unseen and sent.data.room is not None:
            shown = describing.gift(
                sent,
                level=outcome.levels.get(sent.data.viewer, 0),
                first=identifier in outcome.first_gifts,
                message=changes.messages.get(identifier, sent.data.message),
            )
            candidates.append(((sent.data.room, describing.GIFT, identifier), shown))
    candidates += [
        ((ended.data.room, describing.COMBO, combo), describing.combo(ended, outcome.levels))
        for combo, ended in batch.combos.items()
        if combo not in changes.strangers
    ]
    for heard in batch.reversals:
        told = changes.reversals.get((heard.data.gift, heard.data.lot))
        if told is None or told.revision != heard.data.revision or told.room is None:
            continue
        if told.gift in changes.strangers:
            continue
        # One payment's gifts lose their money at one moment. Beside those of its giver an anonymous
        # gift would be known; its room's totals have what it lost.
        if heard.data.anonymous:
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


def _gift(heard: Envelope[GiftSent], rules: Rules, *, belongs: bool) -> Gift:
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
        belongs=belongs,
    )


def _reversal(told: ReversalEvent) -> Reversal:
    return Reversal(told.gift, told.lot, told.room, told.revision, told.reversed_coins)
