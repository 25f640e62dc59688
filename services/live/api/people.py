"""What operators read of one creator's rooms, and of a gift of which they have the id."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.live.api.bodies import Response
from services.live.api.rooms import RoomsOperator
from services.live.commands.queries import find_gift as find
from services.live.domain.perks import NoSuchGift
from services.live.store import rooms as store
from shared.http import Db, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.fields import Coins, CreatorId, CreatorName, GiftId, Instant, RoomName, ViewerName
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity

DisputesReader = Annotated[Identity, operator_with("disputes:read")]
ROOMS_SHOWN_MAX = 100

router = APIRouter(responses=refusals(ScopeMissing))


class FoundGift(Response):
    """Who sent a gift to whom, and in which room; null: outside of any."""

    gift: GiftId
    viewer: ViewerName
    creator: CreatorName
    room: RoomName | None
    """Where it was sent; null: outside of any room."""
    coins: Coins
    """What it cost, in coins, whatever was reversed since."""
    sent_at: Instant
    """When the wallet had paid it."""


class OwnedRoomResponse(Response):
    """A room of a creator."""

    room: RoomName
    owned_since: Instant | None
    """Since when it is theirs; null for a room that was owned before this was kept."""
    live: Annotated[bool, Field(examples=[True])]
    """Whether its owner broadcasts in it now."""


class OwnedRooms(Response):
    """The rooms of a creator by name; there may be more."""

    items: list[OwnedRoomResponse]
    """By name, at most a hundred."""


@router.get(
    "/operator/live/gifts/{gift}", tags=["operator-gifts"], responses=refusals(NoSuchGift, OwnMoney)
)
async def find_gift(gift: GiftId, caller: DisputesReader, db: Db) -> FoundGift:
    """Find out who sent a gift to whom, when only its id is known."""
    async with db.transaction() as tx:
        return FoundGift.model_validate(await find(tx, gift, operator=caller.user))


@router.get("/operator/live/creators/{creator:person}/rooms", tags=["operator-rooms"])
async def list_rooms_of(creator: CreatorId, _: RoomsOperator, db: Db) -> OwnedRooms:
    """List the rooms that a creator owns."""
    async with db.transaction() as tx:
        found = await store.list_owned(tx, creator, ROOMS_SHOWN_MAX)
    return OwnedRooms(items=[OwnedRoomResponse.model_validate(each) for each in found])
