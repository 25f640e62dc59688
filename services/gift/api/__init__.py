"""What the gift service is asked: by viewers, by operators, and by Tencent's servers."""

from fastapi import APIRouter

from services.gift.api import catalogue, gifts, operators, tencent
from services.gift.commands.giving import Counter
from services.gift.commands.offering import Shelf
from services.gift.commands.waiting import Waiters
from shared.ages import AgeRule
from shared.database import Database
from shared.ledger.routes import add_audit


def build_router(
    database: Database,
    shelf: Shelf,
    waiters: Waiters,
    account: tencent.TencentAccount | None,
    *,
    ages: AgeRule,
) -> APIRouter:
    router = APIRouter(prefix="/v1")
    counter = Counter(database, shelf, waiters, ages=ages)
    gifts.add_routes(router, database, counter)
    catalogue.add_routes(router, shelf)
    operators.add_routes(router, shelf)
    add_audit(router, database, "gift")
    tencent.add_route(router, counter, account)
    return router
