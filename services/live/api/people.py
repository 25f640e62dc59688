"""What operators read of one creator's rooms, and of a gift of which they have the id."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.live.api.bodies import Response
from services.live.api.rooms import RoomsOperator
from services.live.commands.queries import find_gift as find
from services.live.domain.perks import NoSuchGift
from services.live.store import rooms as store
from services.live.store.rooms import OwnedRoom
from shared.http import Db, UserId, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity

DisputesReader = Annotated[Identity, operator_with("disputes:read")]
ROOMS_SHOWN_MAX = 100

router = APIRouter(responses=refusals(ScopeMissing))


class FoundGift(Response):
    """Who sent a gift to whom, and in which room; null: outside of any."""

    gift: UUID
    viewer: str
    creator: str
    room: str | None
    coins: int
    sent_at: datetime


class OwnedRooms(Response):
    """The rooms of a creator by name; there may be more."""

    items: list[OwnedRoom]


@router.get(
    "/operator/live/gifts/{gift}", tags=["operator-gifts"], responses=refusals(NoSuchGift, OwnMoney)
)
async def find_gift(gift: UUID, caller: DisputesReader, db: Db) -> FoundGift:
    """Find out who sent a gift to whom, when only its id is known."""
    async with db.transaction() as tx:
        return FoundGift.model_validate(await find(tx, gift, operator=caller.user))


@router.get("/operator/live/creators/{creator:person}/rooms", tags=["operator-rooms"])
async def list_rooms_of(creator: UserId, _: RoomsOperator, db: Db) -> OwnedRooms:
    """List the rooms that a creator owns."""
    async with db.transaction() as tx:
        return OwnedRooms(items=await store.list_owned(tx, creator, ROOMS_SHOWN_MAX))
