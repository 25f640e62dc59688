"""Creators thank for gifts."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.live.api.bodies import Request, Response
from services.live.api.dependencies import Creator, FeedHub, RequestCause
from services.live.commands import thanks as commands
from services.live.domain.perks import NoSuchGift, ThankedAlready
from services.live.domain.rooms import CreatorsOnly
from shared.contracts.base import like
from shared.http import Db, refusals
from shared.http.fields import CreatorName, GiftId, RoomId, RoomName
from shared.identity.people import NotYours

router = APIRouter(tags=["rooms"])

Message = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class ThanksRequest(Request):
    gift: GiftId
    """The gift to thank for, which was sent to the caller in this room."""
    message: Annotated[Message, like("Thank you, Mira!")] | None = None
    """What the room reads, one line; null for thanks without words."""


class ThanksResponse(Response):
    gift: GiftId
    """The gift that was thanked for."""
    room: RoomName
    creator: CreatorName
    """Who thanked: the `sub` of their token."""
    message: Annotated[str, like("Thank you, Mira!")] | None
    """
    What the room reads, as written: escape it before you show it. Null for thanks without words.
    """


@router.post(
    "/rooms/{room}/thanks",
    status_code=201,
    responses=refusals(CreatorsOnly, NotYours, NoSuchGift, ThankedAlready),
)
async def thank_for_gift(
    room: RoomId, body: ThanksRequest, caller: Creator, db: Db, hub: FeedHub, cause: RequestCause
) -> ThanksResponse:
    """Thank for a gift to oneself, for the whole room to see; once a gift."""
    async with db.transaction() as tx:
        thanks = await commands.thank_for_gift(
            tx, room, caller.user, body.gift, body.message, cause=cause, show=hub.show
        )
    return ThanksResponse.model_validate(thanks)
