"""Operators say whose a room is: who opens one first is not always who should have it."""

from typing import Annotated

from fastapi import APIRouter

from services.live.api.asking import View, Wish
from services.live.commands import staging
from services.live.commands.showing import Hub
from services.live.domain.rooms import NoSuchRoom
from shared.http import Name, UserId, refusals, request_id
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Database

ROOMS_SCOPE = "rooms:write"
RoomsOperator = Annotated[Identity, operator_with(ROOMS_SCOPE)]


class OwnerWish(Wish):
    creator: UserId


class OwnerView(View):
    """Whose a room is; null: of whoever opens it next."""

    room: str
    creator: str | None


def add_routes(router: APIRouter, database: Database, hub: Hub) -> None:
    @router.put(
        "/operator/live/rooms/{room}/owner",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing),
    )
    async def set_owner(room: Name, wish: OwnerWish, caller: RoomsOperator) -> OwnerView:
        """Give a room to a creator, also before anybody opens it; another's stream in it ends."""
        return await give(room, wish.creator, caller.user)

    @router.delete(
        "/operator/live/rooms/{room}/owner",
        tags=["operator"],
        responses=refusals(Unauthenticated, ScopeMissing, OwnMoney, NoSuchRoom),
    )
    async def release(room: Name, caller: RoomsOperator) -> OwnerView:
        """Take a room from its owner: it becomes that of whoever opens it next."""
        return await give(room, None, caller.user)

    async def give(room: str, creator: str | None, operator: str) -> OwnerView:
        async with database.transaction() as tx:
            await staging.set_owner(
                tx, room, creator, operator=operator, story=request_id(), show=hub.show
            )
        return OwnerView(room=room, creator=creator)
