"""Creators thank for gifts, for the whole room to see."""

from uuid import UUID

from services.live.commands.feed import FeedWriter, Show
from services.live.domain.feed import EntryKind
from services.live.domain.perks import NoSuchGift, ThankedAlready
from services.live.store.gift_totals import find_gifts, lock_rooms
from services.live.store.thanks import Thanks, find_thanks, insert_thanks
from shared.contracts.envelope import Cause
from shared.contracts.live import GifterThanked
from shared.identity.people import NotYours
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


async def thank_for_gift(
    tx: Transaction,
    room: str,
    creator: str,
    gift: UUID,
    message: str | None,
    *,
    cause: Cause,
    show: Show,
) -> Thanks:
    """Thank for a gift to oneself, once; the same words again change nothing."""
    rooms = await lock_rooms(tx, [room])
    given = (await find_gifts(tx, [gift])).get(gift)
    if given is None or given.room != room or not given.belongs:
        raise NoSuchGift
    if given.creator != creator:
        raise NotYours
    thanks = Thanks(gift, room, creator, given.viewer, message)
    if not await insert_thanks(tx, thanks):
        if await find_thanks(tx, gift) != thanks:
            raise ThankedAlready
        return thanks
    event = GifterThanked(
        gift=gift, viewer=given.viewer, creator=creator, room=room, message=message
    )
    shown = event.model_dump()
    if given.anonymous:
        shown["viewer"] = None
    feed = FeedWriter(rooms, show)
    feed.add(room, EntryKind.THANKS, gift, shown)
    await feed.save(tx)
    await publish(tx, [Fact(event, 1, cause)])
    return thanks
