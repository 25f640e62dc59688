"""What the live service is asked: rooms and their feeds, standings, goals, perks and thanks."""

from fastapi import APIRouter

from services.live.api import feed, goals, owners, perks, rooms, standing
from services.live.commands.showing import Hub
from services.live.commands.slots import Slots
from services.live.domain.quotas import RoomLimits
from shared.postgres.database import Database


def build_router(database: Database, hub: Hub, limits: RoomLimits) -> APIRouter:
    router = APIRouter(prefix="/v1")
    feed.add_routes(router, hub)
    rooms.add_routes(router, database, hub, limits)
    owners.add_routes(router, database, hub)
    standing.add_routes(router, database)
    slots = Slots()
    goals.add_routes(router, database, slots)
    perks.add_routes(router, database, slots)
    return router
