"""What the wallet does by itself: time passes, history is sealed, the books are proved."""

from datetime import UTC, datetime

from services.wallet.commands.exclusions import end_exclusions
from services.wallet.commands.expiry import expire_lots
from services.wallet.commands.flow import keep_flow
from services.wallet.commands.liability import keep_liability
from services.wallet.commands.verification import INVARIANTS, publish_block
from shared.backoffice import ledger_jobs as watching
from shared.postgres.database import Database, Part
from shared.runtime.service import Job, in_each_part

CLOCK_EVERY_SECONDS = 5.0
# How soon after midnight the liability of the day before is kept.
LIABILITY_EVERY_SECONDS = 10.0
# How soon after an hour is closed its sums are kept.
FLOW_EVERY_SECONDS = 30.0


def build(database: Database) -> list[Job]:
    async def let_time_pass(part: Part) -> bool:
        now = datetime.now(UTC)
        async with part.transaction() as tx:
            more = await end_exclusions(tx, now=now)
        async with part.transaction() as tx:
            return await expire_lots(tx, now=now) or more

    async def keep_yesterday() -> bool:
        return await keep_liability(database, now=datetime.now(UTC))

    async def keep_closed_hours() -> bool:
        return await keep_flow(database, now=datetime.now(UTC))

    return [
        Job("clock", CLOCK_EVERY_SECONDS, in_each_part(database, let_time_pass)),
        Job("liability", LIABILITY_EVERY_SECONDS, keep_yesterday),
        Job("flow", FLOW_EVERY_SECONDS, keep_closed_hours),
        *watching.jobs(database, INVARIANTS, publish_block),
    ]
