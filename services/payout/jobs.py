"""The jobs of the payout service: it pays, requests, keeps payees known, verifies its books."""

from datetime import UTC, datetime
from functools import partial

from services.payout.commands import statements
from services.payout.commands.accounts import refresh_payees
from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.commands.bank_files import make_due_files, renew_encryption
from services.payout.commands.maturity import mature
from services.payout.commands.metrics import report, report_lists, report_unclosed
from services.payout.commands.schedules import request_due
from services.payout.commands.screenings import screen_payees
from services.payout.commands.valuations import revalue_all
from services.payout.commands.verification import INVARIANTS, publish_block
from services.payout.domain.rates import Rules
from services.payout.providers import Providers
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.screenings import Screening
from services.payout.store.payees import ACCOUNT_DUE, SCREENING_DUE
from services.payout.store.payouts import PAYOUT_DUE
from services.payout.store.personal_data import PERSONAL_DATA
from shared.backoffice import ledger_jobs as watching
from shared.backoffice.erasures import repeat_erasures
from shared.postgres.database import Database
from shared.runtime.service import Job

PAY_EVERY_SECONDS = 1.0
MATURE_EVERY_SECONDS = 5.0
SCHEDULE_EVERY_SECONDS = 60.0
READ_ACCOUNTS_EVERY_SECONDS = 5.0
SCREEN_EVERY_SECONDS = 30.0
REVALUE_EVERY_SECONDS = 60.0
CLOSE_EVERY_SECONDS = 60.0
REPORT_EVERY_SECONDS = 30.0
BANK_EVERY_SECONDS = 60.0
ERASE_EVERY_SECONDS = 60.0


def build(
    database: Database,
    providers: Providers,
    screening: Screening | None,
    rules: Rules,
    bank: BankFileProvider | None = None,
) -> list[Job]:
    async def send_and_follow() -> bool:
        async with database.transaction() as tx:
            more_to_open = await open_attempts(tx)
        return await follow_attempts(database, providers, rules) or more_to_open

    async def let_mature() -> bool:
        async with database.transaction() as tx:
            return await mature(tx, rules, now=datetime.now(UTC))

    async def read_accounts() -> bool:
        return await refresh_payees(database, providers)

    async def screen() -> bool:
        return screening is not None and await screen_payees(database, screening)

    async def keep_valued() -> bool:
        async with database.transaction() as tx:
            return await revalue_all(tx, rules)

    async def request_scheduled() -> bool:
        return await request_due(database, rules, now=datetime.now(UTC))

    async def make_bank_files(bank: BankFileProvider) -> bool:
        is_more = await make_due_files(database, bank)
        async with database.transaction() as tx:
            return await renew_encryption(tx, bank.keys) or is_more

    async def erase_again() -> bool:
        async with database.transaction() as tx:
            return await repeat_erasures(tx, PERSONAL_DATA)

    banks = [] if bank is None else [bank]
    return [
        Job("payouts", PAY_EVERY_SECONDS, send_and_follow, topic=PAYOUT_DUE),
        Job("mature", MATURE_EVERY_SECONDS, let_mature),
        Job("schedules", SCHEDULE_EVERY_SECONDS, request_scheduled),
        Job("accounts", READ_ACCOUNTS_EVERY_SECONDS, read_accounts, topic=ACCOUNT_DUE),
        Job("screenings", SCREEN_EVERY_SECONDS, screen, topic=SCREENING_DUE),
        Job("valuations", REVALUE_EVERY_SECONDS, keep_valued),
        _closing(database, rules),
        _reporting(database, screening, rules),
        *(Job("bank_files", BANK_EVERY_SECONDS, partial(make_bank_files, each)) for each in banks),
        Job("erasures", ERASE_EVERY_SECONDS, erase_again),
        *watching.jobs(database, INVARIANTS, publish_block),
    ]


def _closing(database: Database, rules: Rules) -> Job:
    """Return the job that closes the months that are over."""

    async def close_months() -> bool:
        return await statements.close_months(database, now=datetime.now(UTC), zone=rules.time_zone)

    return Job("statements", CLOSE_EVERY_SECONDS, close_months)


def _reporting(database: Database, screening: Screening | None, rules: Rules) -> Job:
    """Return the job that measures what waits, and what is old."""

    async def report_waiting() -> bool:
        async with database.transaction() as tx:
            await report(tx, has_lists=screening is not None)
            await report_unclosed(tx, now=datetime.now(UTC), zone=rules.time_zone)
        if screening is not None:
            report_lists(screening)
        return False

    return Job("waiting", REPORT_EVERY_SECONDS, report_waiting)
