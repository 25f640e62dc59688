"""What the wallet is asked: by viewers about their own coins, and by operators."""

from fastapi import APIRouter

from services.wallet.api import finance, limits, operators, wallets
from services.wallet.domain.limits import Rules
from shared.postgres.database import Database


def build_router(database: Database, rules: Rules) -> APIRouter:
    router = APIRouter(prefix="/v1")
    wallets.add_routes(router, database)
    limits.add_routes(router, database, rules)
    operators.add_routes(router, database, rules)
    finance.add_routes(router, database)
    return router
