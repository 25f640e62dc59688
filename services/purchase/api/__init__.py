"""The HTTP API: viewers buy coins, and get their money back, operators look after both."""

from fastapi import APIRouter

from services.purchase.api import (
    books,
    campaigns,
    operators,
    packages,
    people,
    purchases,
    receipts,
    refunds,
    tax_report,
    webhooks,
    withdrawals,
)
from services.purchase.store.in_flight import IN_FLIGHT
from services.purchase.store.personal_data import EXPORTED
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_audit
from shared.backoffice.trial_balance import add_trial_balance

router = APIRouter(prefix="/v1")
for module in (
    *(packages, purchases, receipts, refunds, withdrawals, webhooks, books, campaigns, operators),
    *(people, tax_report),
):
    router.include_router(module.router)
add_audit(router, "purchase")
add_trial_balance(router, "purchase")
add_export(router, "purchase", EXPORTED)
add_operations(router, "purchase", IN_FLIGHT)
add_dead_letters(router, "purchase")
