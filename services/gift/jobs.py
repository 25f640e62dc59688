"""What the gift service does by itself."""

from services.gift.commands.requesting import ask_again
from shared.database import Database
from shared.runtime import Job

ASK_AGAIN_EVERY_SECONDS = 5.0


def build(database: Database) -> list[Job]:
    async def ask_about_open_gifts() -> bool:
        async with database.transaction() as tx:
            return await ask_again(tx)

    return [Job("ask-again", ASK_AGAIN_EVERY_SECONDS, ask_about_open_gifts)]
