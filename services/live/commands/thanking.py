"""Creators thank for gifts, for the whole room to see."""

from uuid import UUID

from services.live.commands import describing
from services.live.commands.feeding import Page, Show
from services.live.domain.perks import NoSuchGift, ThankedAlready
from services.live.store import counting
from services.live.store import perks as store
from services.live.store.perks import Thanks
from shared.contracts.envelope import Cause
from shared.contracts.live import GifterThanked
from shared.identity.people import NotYours
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


async def thank(
    tx: Transaction,
    room: str,
    creator: str,
    gift: UUID,
    message: str | None,
    *,
    story: str,
    show: Show,
) -> Thanks:
    """Thank for a gift to oneself, once; the same words again change nothing."""
    rooms = await counting.lock_rooms(tx, [room])
    given = (await counting.find_gifts(tx, [gift])).get(gift)
    if given is None or given.room != room or not given.belongs:
        raise NoSuchGift
    if given.creator != creator:
        raise NotYours
    thanks = Thanks(gift, room, creator, given.viewer, message)
    if not await store.thank(tx, thanks):
        if await store.thanks_for(tx, gift) != thanks:
            raise ThankedAlready
        return thanks
    event = GifterThanked(
        gift=gift, viewer=given.viewer, creator=creator, room=room, message=message
    )
    shown = event.model_dump()
    if given.anonymous:
        shown["viewer"] = None
    page = Page(rooms)
    page.add(room, describing.THANKS, gift, shown)
    await page.save(tx, show=show)
    await publish(tx, [Fact(event, 1, Cause(story))])
    return thanks
