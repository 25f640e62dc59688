"""What the gift service does by itself."""

from functools import partial

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.combos import end_combos, recount_combos
from services.gift.commands.files import remove_unused_files
from services.gift.commands.requests import repeat_requests
from services.gift.commands.signatures import forget_signatures
from shared.postgres.database import Database, Part
from shared.runtime.service import Job, in_each_part

REPEAT_REQUESTS_EVERY_SECONDS = 5.0
END_COMBOS_EVERY_SECONDS = 1.0
RECOUNT_COMBOS_EVERY_SECONDS = 60.0
FORGET_SIGNATURES_EVERY_SECONDS = 60.0
REMOVE_FILES_EVERY_SECONDS = 3_600.0


def build(database: Database, catalogue_cache: CatalogueCache) -> list[Job]:
    async def repeat_requests_of_open_gifts(part: Part) -> bool:
        async with part.transaction() as tx:
            return await repeat_requests(tx)

    async def end_combos_that_are_over(part: Part) -> bool:
        catalogue = await catalogue_cache.current()
        async with part.transaction() as tx:
            return await end_combos(tx, catalogue)

    async def recount_combos_that_wait_for_nothing(part: Part) -> bool:
        async with part.transaction() as tx:
            return await recount_combos(tx)

    async def forget_old_signatures() -> bool:
        async with database.reference.transaction() as tx:
            return await forget_signatures(tx)

    async def remove_files_that_no_gift_shows() -> bool:
        async with database.reference.transaction() as tx:
            return await remove_unused_files(tx)

    each = partial(in_each_part, database)
    return [
        Job("repeat-requests", REPEAT_REQUESTS_EVERY_SECONDS, each(repeat_requests_of_open_gifts)),
        Job("end-combos", END_COMBOS_EVERY_SECONDS, each(end_combos_that_are_over)),
        Job(
            "recount-combos",
            RECOUNT_COMBOS_EVERY_SECONDS,
            each(recount_combos_that_wait_for_nothing),
        ),
        Job("forget-signatures", FORGET_SIGNATURES_EVERY_SECONDS, forget_old_signatures),
        Job("remove-files", REMOVE_FILES_EVERY_SECONDS, remove_files_that_no_gift_shows),
    ]
