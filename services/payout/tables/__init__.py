"""The shape of what the payout service remembers. `make contracts` writes columns.py from it."""

from services.payout.tables import (
    bank_files,
    bonuses,
    earnings,
    fraud,
    payees,
    payouts,
    reviews,
    statements,
    terms,
    transfers,
)
from services.payout.tables.base import PayoutTable
from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.archive_tables import ARCHIVE_TABLES
from shared.ledger.tables import LEDGER_TABLES, SEAL_TABLES
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

__all__ = [
    "PayoutTable",
    "bank_files",
    "bonuses",
    "earnings",
    "fraud",
    "payees",
    "payouts",
    "reviews",
    "statements",
    "terms",
    "transfers",
]

add_tables(
    PayoutTable,
    *(*LEDGER_TABLES, *SEAL_TABLES, *ARCHIVE_TABLES, *MAILBOX_TABLES),
    *(EventArchiveColumns, QuotaColumns),
    *ERASURE_TABLES,
)
