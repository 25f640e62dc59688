"""What the gift service is asked: by viewers, by operators, and by Tencent's servers."""

from fastapi import APIRouter

from services.gift.api import catalogue, creators, gifts, operators, tencent
from services.gift.commands.giving import Counter
from services.gift.commands.offering import Shelf
from services.gift.commands.waiting import Waiters
from shared.backoffice.routes import add_audit
from shared.identity.ages import AgeRule
from shared.identity.tokens import Verifier
from shared.postgres.database import Database


def build_router(
    database: Database,
    shelf: Shelf,
    waiters: Waiters,
    account: tencent.TencentAccount | None,
    *,
    targets: Verifier,
    anybody_may_receive: bool,
    ages: AgeRule,
) -> APIRouter:
    router = APIRouter(prefix="/v1")
    counter = Counter(database, shelf, waiters, anybody_may_receive=anybody_may_receive, ages=ages)
    gifts.add_routes(router, database, counter, targets)
    creators.add_routes(router, database)
    catalogue.add_routes(router, shelf)
    operators.add_routes(router, shelf)
    add_audit(router, "gift")
    tencent.add_route(router, database, counter, account)
    return router
