"""The HTTP API of live: rooms and their feeds, leaderboards, goals, perks, thanks and names."""

from fastapi import APIRouter

from services.live.api import (
    feed,
    gifters,
    goals,
    leaderboards,
    people,
    perks,
    profiles,
    rooms,
    streams,
    thanks,
)
from services.live.store.personal_data import EXPORTED
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_audit
from shared.http import refusals
from shared.identity.tokens import Unauthenticated

router = APIRouter(prefix="/v1", responses=refusals(Unauthenticated))
for module in (feed, streams, rooms, thanks, leaderboards, gifters, goals, perks, people, profiles):
    router.include_router(module.router)
add_export(router, "live", EXPORTED)
add_audit(router, "live")
add_operations(router, "live")
add_dead_letters(router, "live")
