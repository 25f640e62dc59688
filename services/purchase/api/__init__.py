"""What the purchase service is asked."""

from fastapi import APIRouter

from services.purchase.api import books, packages, purchases, webhooks
from services.purchase.domain.prices import PriceList
from services.purchase.providers import Provider
from shared.database import Database


def build_router(database: Database, provider: Provider, prices: PriceList) -> APIRouter:
    router = APIRouter(prefix="/v1")
    packages.add_routes(router, prices)
    purchases.add_routes(router, database, provider, prices)
    webhooks.add_routes(router, database, provider)
    books.add_routes(router, database)
    return router
