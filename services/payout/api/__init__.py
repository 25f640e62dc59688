"""What the payout service is asked: by creators, by operators, and by the provider."""

from fastapi import APIRouter

from services.payout.api import earnings, operators, payouts, webhooks
from services.payout.domain.rates import Rules
from services.payout.providers import Provider
from shared.backoffice.trial_balance import add_trial_balance
from shared.postgres.database import Database


def build_router(database: Database, provider: Provider, rules: Rules) -> APIRouter:
    router = APIRouter(prefix="/v1")
    router.include_router(earnings.build_router(database, rules))
    router.include_router(payouts.build_router(database, provider, rules))
    router.include_router(operators.build_router(database, provider, rules))
    router.include_router(webhooks.build_router(database, provider))
    add_trial_balance(router, "payout")
    return router
