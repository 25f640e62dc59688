"""What the live service does by itself: after it was built anew, it says what has changed."""

from services.live.commands.settling import settle
from shared.database import Database
from shared.runtime import Job

SETTLE_EVERY_SECONDS = 2.0


def build(database: Database) -> list[Job]:
    async def settle_rebuild() -> bool:
        async with database.transaction() as tx:
            return await settle(tx)

    return [Job("settle", SETTLE_EVERY_SECONDS, settle_rebuild)]
