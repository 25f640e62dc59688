"""What the live service does by itself, every so many seconds."""

from services.live.commands import goal_backfill, levels, perks, rebuild, streams
from services.live.store.perks import list_backfills
from services.live.store.profiles import erase_late_notes
from shared.postgres.database import Database
from shared.runtime.service import Job

PUBLISH_EVERY_SECONDS = 2.0
ROOMS_EVERY_SECONDS = 10.0
GOALS_EVERY_SECONDS = 30.0
PERKS_EVERY_SECONDS = 2.0
LEVELS_EVERY_SECONDS = 3_600.0
NAMES_EVERY_SECONDS = 600.0


def build(database: Database) -> list[Job]:
    async def publish_rebuild() -> bool:
        async with database.transaction() as tx:
            return await rebuild.publish_differences(tx)

    async def publish_rooms() -> bool:
        async with database.transaction() as tx:
            return await streams.publish_open_rooms(tx)

    async def backfill_goals() -> bool:
        await goal_backfill.finish_backfills(database)
        return False

    async def backfill_perks() -> bool:
        async with database.transaction() as tx:
            found = await list_backfills(tx)
        more = False
        for perk in found:
            async with database.transaction() as tx:
                more |= await perks.backfill_perk(tx, perk)
        return more

    reached = ""

    async def correct_levels() -> bool:
        nonlocal reached
        async with database.transaction() as tx:
            following = await levels.correct_open_coins(tx, after=reached)
        reached = following or ""
        return following is not None

    async def erase_names() -> bool:
        async with database.transaction() as tx:
            await erase_late_notes(tx)
        return False

    return [
        Job("publish-rebuild", PUBLISH_EVERY_SECONDS, publish_rebuild),
        Job("publish-rooms", ROOMS_EVERY_SECONDS, publish_rooms),
        Job("backfill-goals", GOALS_EVERY_SECONDS, backfill_goals),
        Job("backfill-perks", PERKS_EVERY_SECONDS, backfill_perks),
        Job("open-levels", LEVELS_EVERY_SECONDS, correct_levels),
        Job("erase-names", NAMES_EVERY_SECONDS, erase_names),
    ]
