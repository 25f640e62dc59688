"""The HTTP API of payout: creators read and request, operators decide, providers call back."""

from fastapi import APIRouter

from services.payout.api import earnings, operators, payouts, webhooks
from shared.backoffice.trial_balance import add_trial_balance

router = APIRouter(prefix="/v1")
for module in (earnings, payouts, operators, webhooks):
    router.include_router(module.router)
add_trial_balance(router, "payout")
