"""The HTTP API of the gift service: viewers give, creators decide, operators edit the catalogue."""

from fastapi import APIRouter

from services.gift.api import catalogue, creators, gifts, operators
from shared.backoffice.routes import add_audit

SHORTCUTS = (gifts.SHORTCUT,)
router = APIRouter(prefix="/v1")
for module in (gifts, creators, catalogue, operators):
    router.include_router(module.router)
add_audit(router, "gift")
