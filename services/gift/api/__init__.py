"""The HTTP API of the gift service: viewers give, creators decide, operators edit the catalogue."""

from fastapi import APIRouter

from services.gift.api import (
    catalogue,
    creators,
    erasures,
    files,
    gifts,
    latency,
    operators,
    people,
)
from services.gift.store.in_flight import IN_FLIGHT
from services.gift.store.personal_data import EXPORTED
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_audit

SHORTCUTS = (gifts.SHORTCUT,)
BODY_LIMITS = files.BODY_LIMITS
router = APIRouter(prefix="/v1")
for module in (gifts, creators, catalogue, files, operators, people, erasures, latency):
    router.include_router(module.router)
add_audit(router, "gift")
add_export(router, "gift", EXPORTED)
add_operations(router, "gift", IN_FLIGHT)
add_dead_letters(router, "gift")
