"""What the live service does by itself: it says what changed without anybody being told."""

from services.live.commands.settling import settle
from services.live.commands.staging import tell_rooms
from shared.database import Database
from shared.runtime import Job

SETTLE_EVERY_SECONDS = 2.0
TELL_EVERY_SECONDS = 10.0


def build(database: Database) -> list[Job]:
    async def settle_rebuild() -> bool:
        async with database.transaction() as tx:
            return await settle(tx)

    async def tell_untold_rooms() -> bool:
        async with database.transaction() as tx:
            return await tell_rooms(tx)

    return [
        Job("settle", SETTLE_EVERY_SECONDS, settle_rebuild),
        Job("tell-rooms", TELL_EVERY_SECONDS, tell_untold_rooms),
    ]
