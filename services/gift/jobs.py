"""What the gift service does by itself."""

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.combos import end_combos, recount_combos
from services.gift.commands.requests import repeat_requests
from services.gift.commands.signatures import forget_signatures
from shared.postgres.database import Database
from shared.runtime.service import Job

REPEAT_REQUESTS_EVERY_SECONDS = 5.0
END_COMBOS_EVERY_SECONDS = 1.0
RECOUNT_COMBOS_EVERY_SECONDS = 60.0
FORGET_SIGNATURES_EVERY_SECONDS = 60.0


def build(database: Database, catalogue_cache: CatalogueCache) -> list[Job]:
    async def repeat_requests_of_open_gifts() -> bool:
        async with database.transaction() as tx:
            return await repeat_requests(tx)

    async def end_combos_that_are_over() -> bool:
        catalogue = await catalogue_cache.current()
        async with database.transaction() as tx:
            return await end_combos(tx, catalogue)

    async def recount_combos_that_wait_for_nothing() -> bool:
        async with database.transaction() as tx:
            return await recount_combos(tx)

    async def forget_old_signatures() -> bool:
        async with database.transaction() as tx:
            return await forget_signatures(tx)

    return [
        Job("repeat-requests", REPEAT_REQUESTS_EVERY_SECONDS, repeat_requests_of_open_gifts),
        Job("end-combos", END_COMBOS_EVERY_SECONDS, end_combos_that_are_over),
        Job("recount-combos", RECOUNT_COMBOS_EVERY_SECONDS, recount_combos_that_wait_for_nothing),
        Job("forget-signatures", FORGET_SIGNATURES_EVERY_SECONDS, forget_old_signatures),
    ]
