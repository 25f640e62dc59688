"""The HTTP API of webhooks: a team's endpoints, their secrets, and what was delivered."""

from fastapi import APIRouter

from services.webhooks.api import deliveries, endpoints, teams
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_audit
from shared.http import refusals
from shared.identity.tokens import Unauthenticated

router = APIRouter(prefix="/v1", responses=refusals(Unauthenticated))
for module in (endpoints, deliveries, teams):
    router.include_router(module.router)
add_audit(router, "webhooks")
add_operations(router, "webhooks")
add_dead_letters(router, "webhooks")
