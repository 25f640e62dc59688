"""The jobs of the payout service: it pays, lets diamonds mature, and verifies its books."""

from datetime import UTC, datetime

from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.commands.maturity import mature
from services.payout.commands.metrics import report
from services.payout.commands.valuations import revalue_all
from services.payout.commands.verification import INVARIANTS, publish_block
from services.payout.domain.rates import Rules
from services.payout.providers import Providers
from services.payout.store.payouts import PAYOUT_DUE
from shared.backoffice import ledger_jobs as watching
from shared.postgres.database import Database
from shared.runtime.service import Job

PAY_EVERY_SECONDS = 1.0
MATURE_EVERY_SECONDS = 5.0
REVALUE_EVERY_SECONDS = 60.0
REPORT_EVERY_SECONDS = 30.0


def build(database: Database, providers: Providers, rules: Rules) -> list[Job]:
    async def send_and_follow() -> bool:
        async with database.transaction() as tx:
            more_to_open = await open_attempts(tx)
        return await follow_attempts(database, providers, rules) or more_to_open

    async def let_mature() -> bool:
        async with database.transaction() as tx:
            return await mature(tx, rules, now=datetime.now(UTC))

    async def keep_valued() -> bool:
        async with database.transaction() as tx:
            return await revalue_all(tx, rules)

    async def report_waiting() -> bool:
        async with database.transaction() as tx:
            await report(tx)
        return False

    return [
        Job("payouts", PAY_EVERY_SECONDS, send_and_follow, topic=PAYOUT_DUE),
        Job("mature", MATURE_EVERY_SECONDS, let_mature),
        Job("valuations", REVALUE_EVERY_SECONDS, keep_valued),
        Job("waiting", REPORT_EVERY_SECONDS, report_waiting),
        *watching.jobs(database, INVARIANTS, publish_block),
    ]
