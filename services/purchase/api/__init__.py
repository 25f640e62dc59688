"""The HTTP API: viewers buy coins and ask for refunds, operators look after both."""

from fastapi import APIRouter

from services.purchase.api import books, operators, packages, purchases, refunds, webhooks
from shared.backoffice.routes import add_audit
from shared.backoffice.trial_balance import add_trial_balance

router = APIRouter(prefix="/v1")
for module in (packages, purchases, refunds, webhooks, books, operators):
    router.include_router(module.router)
add_audit(router, "purchase")
add_trial_balance(router, "purchase")
