"""The jobs of the payout service: it pays, requests, keeps payees known, verifies its books."""

from datetime import UTC, datetime
from functools import partial

from services.payout.commands import statements
from services.payout.commands.accounts import refresh_payees
from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.commands.bank_files import make_due_files
from services.payout.commands.bank_keys import renew_encryption
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
from shared.postgres.database import Database, Part
from shared.runtime.service import Job, in_each_part

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
    async def send_and_follow(part: Part) -> bool:
        async with part.transaction() as tx:
            more_to_open = await open_attempts(tx)
        return await follow_attempts(part, providers, rules) or more_to_open

    async def let_mature(part: Part) -> bool:
        async with part.transaction() as tx:
            return await mature(tx, rules, now=datetime.now(UTC))

    async def read_accounts(part: Part) -> bool:
        return await refresh_payees(part, providers)

    async def screen(part: Part) -> bool:
        return screening is not None and await screen_payees(part, screening)

    async def keep_valued(part: Part) -> bool:
        async with part.transaction() as tx:
            return await revalue_all(tx, rules)

    async def request_scheduled() -> bool:
        return await request_due(database, rules, now=datetime.now(UTC))

    async def make_bank_files(bank: BankFileProvider) -> bool:
        is_more = await make_due_files(database, bank)
        return await renew_encryption(database, bank.keys) or is_more

    async def erase_again(part: Part) -> bool:
        async with part.transaction() as tx:
            return await repeat_erasures(tx, PERSONAL_DATA)

    banks = [] if bank is None else [bank]
    each = partial(in_each_part, database)
    return [
        Job("payouts", PAY_EVERY_SECONDS, each(send_and_follow), topic=PAYOUT_DUE),
        Job("mature", MATURE_EVERY_SECONDS, each(let_mature)),
        Job("schedules", SCHEDULE_EVERY_SECONDS, request_scheduled),
        Job("accounts", READ_ACCOUNTS_EVERY_SECONDS, each(read_accounts), topic=ACCOUNT_DUE),
        Job("screenings", SCREEN_EVERY_SECONDS, each(screen), topic=SCREENING_DUE),
        Job("valuations", REVALUE_EVERY_SECONDS, each(keep_valued)),
        _closing(database, rules),
        _reporting(database, screening, rules),
        *(Job("bank_files", BANK_EVERY_SECONDS, partial(make_bank_files, one)) for one in banks),
        Job("erasures", ERASE_EVERY_SECONDS, each(erase_again)),
        *watching.jobs(database, INVARIANTS, publish_block),
    ]


def _closing(database: Database, rules: Rules) -> Job:
    """Return the job that closes the months that are over."""

    async def close_months(part: Part) -> bool:
        return await statements.close_months(part, now=datetime.now(UTC), zone=rules.time_zone)

    return Job("statements", CLOSE_EVERY_SECONDS, in_each_part(database, close_months))


def _reporting(database: Database, screening: Screening | None, rules: Rules) -> Job:
    """Return the job that measures what waits, and what is old."""

    async def report_waiting() -> bool:
        await report(database, has_lists=screening is not None)
        await report_unclosed(database, now=datetime.now(UTC), zone=rules.time_zone)
        if screening is not None:
            report_lists(screening)
        return False

    return Job("waiting", REPORT_EVERY_SECONDS, report_waiting)
