"""What the webhooks service does by itself: it delivers, gives up, and forgets."""

from datetime import timedelta

from services.webhooks.commands.deliveries import delete_old, end_overdue
from services.webhooks.commands.secrets import encrypt_again
from services.webhooks.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import repeat_erasures
from shared.keyring import Keyring
from shared.postgres.database import Database
from shared.runtime.service import Job

END_EVERY_SECONDS = 30.0
TIDY_EVERY_SECONDS = 60.0
ERASE_EVERY_SECONDS = 60.0


def build(database: Database, keys: Keyring, *, kept: timedelta) -> list[Job]:
    async def end() -> bool:
        async with database.transaction() as tx:
            return await end_overdue(tx)

    async def tidy() -> bool:
        async with database.transaction() as tx:
            is_more = await delete_old(tx, kept)
        async with database.transaction() as tx:
            return await encrypt_again(tx, keys) or is_more

    async def erase_again() -> bool:
        async with database.transaction() as tx:
            return await repeat_erasures(tx, PERSONAL_DATA)

    return [
        Job("webhooks.overdue", END_EVERY_SECONDS, end),
        Job("webhooks.tidy", TIDY_EVERY_SECONDS, tidy),
        Job("webhooks.erasures", ERASE_EVERY_SECONDS, erase_again),
    ]
