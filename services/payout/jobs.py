"""What the payout service does by itself: it sends approved payouts and follows them."""

from services.payout.commands.following import follow_attempts, open_attempts
from services.payout.providers import Provider
from shared.database import Database
from shared.runtime import Job

EVERY_SECONDS = 0.2


def build(database: Database, provider: Provider) -> list[Job]:
    async def send_and_follow() -> bool:
        async with database.transaction() as tx:
            more_to_open = await open_attempts(tx)
        return await follow_attempts(database, provider) or more_to_open

    return [Job("payouts", EVERY_SECONDS, send_and_follow)]
