"""What the live service does by itself: it says what changed without anybody being told."""

from services.live.commands import levels, pasts, perks
from services.live.commands.settling import settle
from services.live.commands.staging import tell_rooms
from shared.postgres.database import Database
from shared.runtime.service import Job

SETTLE_EVERY_SECONDS = 2.0
TELL_EVERY_SECONDS = 10.0
FINISH_EVERY_SECONDS = 30.0
UNLOCK_EVERY_SECONDS = 2.0
CORRECT_EVERY_SECONDS = 3_600.0


def build(database: Database) -> list[Job]:
    async def settle_rebuild() -> bool:
        async with database.transaction() as tx:
            return await settle(tx)

    async def tell_untold_rooms() -> bool:
        async with database.transaction() as tx:
            return await tell_rooms(tx)

    async def finish_goals() -> bool:
        return await pasts.finish(database)

    async def unlock_perks() -> bool:
        return await perks.unlock_pasts(database)

    reached = ""

    async def correct_open_levels() -> bool:
        nonlocal reached
        async with database.transaction() as tx:
            following = await levels.correct_open_coins(tx, after=reached)
        reached = following or ""
        return following is not None

    return [
        Job("settle", SETTLE_EVERY_SECONDS, settle_rebuild),
        Job("tell-rooms", TELL_EVERY_SECONDS, tell_untold_rooms),
        Job("finish-goals", FINISH_EVERY_SECONDS, finish_goals),
        Job("unlock-perks", UNLOCK_EVERY_SECONDS, unlock_perks),
        Job("open-levels", CORRECT_EVERY_SECONDS, correct_open_levels),
    ]
