"""The HTTP API of live: rooms and their feeds, leaderboards, goals, perks and thanks."""

from fastapi import APIRouter

from services.live.api import feed, gifters, goals, leaderboards, perks, rooms, streams, thanks

router = APIRouter(prefix="/v1")
for module in (feed, streams, rooms, thanks, leaderboards, gifters, goals, perks):
    router.include_router(module.router)
