"""Gifts are counted in their rooms, a whole batch in one transaction, once each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.live import domain, store
from services.live.domain import Room, RoomGift, RoomReversal
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftSent, ReversalEvent
from shared.database import Transaction

TOP_GIFTERS = 10


async def count_gifts(tx: Transaction, received: Sequence[Envelope[GiftSent]]) -> None:
    """Add the gifts to their rooms' totals, scores and feeds; a gift without a room has none."""
    gifts = {
        (gift.room, gift.gift): gift
        for gift in (_room_gift(sent) for sent in received if sent.data.room is not None)
    }
    if not gifts:
        return
    rooms = await store.lock_rooms(tx, (gift.room for gift in gifts.values()))
    known = await store.known(tx, gifts)
    reversed_coins: Counter[tuple[str, UUID]] = Counter()
    for (room, gift, _), (_, coins) in (await store.reversals(tx, gifts)).items():
        reversed_coins[room, gift] += coins
    new = [
        replace(gift, reversed_coins=reversed_coins[key])
        for key, gift in gifts.items()
        if key not in known
    ]
    if new:
        touched = [rooms[name] for name in sorted({gift.room for gift in new})]
        await store.write(tx, touched, domain.tally(rooms, new))


async def take_back(tx: Transaction, received: Sequence[Envelope[ReversalEvent]]) -> set[UUID]:
    """Let rooms and scores follow coins that lost their money; return what was old news."""
    told = [_room_reversal(heard.data) for heard in received if heard.data.room is not None]
    if not told:
        return set()
    gifts = {(reversal.room, reversal.gift) for reversal in told}
    rooms = await store.lock_rooms(tx, (room for room, _ in gifts))
    known = await store.reversals(tx, gifts)
    stale = {
        heard.id
        for heard in received
        if heard.data.room is not None
        and heard.data.revision <= known.get(_room_reversal(heard.data).key, (0, 0))[0]
    }
    scores = domain.take_back(rooms, told, counted=await store.known(tx, gifts), known=known)
    await store.take_back(tx, rooms.values(), known, scores)
    return stale


async def look(tx: Transaction, room: str) -> tuple[Room, list[store.Top]]:
    """Return a room's totals and who gave most."""
    return await store.room(tx, room), await store.top_gifters(tx, room, limit=TOP_GIFTERS)


async def begin_again(tx: Transaction) -> None:
    """Empty the rooms, for whoever says all their gifts again; needs the owner's rights."""
    await store.forget_everything(tx)


async def books(tx: Transaction) -> store.Books:
    return await store.books(tx)


def _room_reversal(gift: ReversalEvent) -> RoomReversal:
    assert gift.room is not None
    return RoomReversal(
        room=gift.room,
        gift=gift.gift,
        lot=gift.lot,
        viewer=gift.viewer,
        anonymous=gift.anonymous,
        revision=gift.revision,
        reversed_coins=gift.reversed_coins,
    )


def _room_gift(sent: Envelope[GiftSent]) -> RoomGift:
    gift = sent.data
    assert gift.room is not None
    return RoomGift(
        room=gift.room,
        gift=gift.gift,
        viewer=gift.viewer,
        anonymous=gift.anonymous,
        coins=gift.coins,
        sent_at=sent.time,
        shown={
            "gift": gift.gift,
            "viewer": None if gift.anonymous else gift.viewer,
            "anonymous": gift.anonymous,
            "creator": gift.creator,
            "room": gift.room,
            "gift_type": gift.gift_type,
            "name": gift.display_name,
            "tier": gift.tier,
            "count": gift.count,
            "coins": gift.coins,
            "combo": gift.combo,
            "repeat_count": gift.repeat_count,
            "repeat_end": gift.repeat_end,
            "message": gift.message,
            "sent_at": sent.time,
        },
    )
