"""What the purchase service is asked."""

from fastapi import APIRouter

from services.purchase.api import books, operators, packages, purchases, refunds, webhooks
from services.purchase.domain.prices import PriceList
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.providers import Provider
from shared.backoffice.routes import add_audit
from shared.backoffice.trial_balance import add_trial_balance
from shared.identity.ages import AgeRule
from shared.postgres.database import Database


def build_router(
    database: Database,
    provider: Provider,
    prices: PriceList,
    policy: RefundPolicy,
    ages: AgeRule,
    limits: PurchaseQuotas,
) -> APIRouter:
    router = APIRouter(prefix="/v1")
    packages.add_routes(router, prices)
    purchases.add_routes(router, database, provider, prices, ages, limits)
    refunds.add_routes(router, database, policy, limits)
    webhooks.add_routes(router, database, provider)
    books.add_routes(router, database)
    operators.add_routes(router, database)
    add_audit(router, "purchase")
    add_trial_balance(router, "purchase")
    return router
