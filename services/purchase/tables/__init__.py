"""The shape of what the purchase service remembers. `make contracts` writes columns.py from it."""

from services.purchase.tables import payments, purchases, receipts, refunds, stores, webhooks
from services.purchase.tables.base import PurchaseTable
from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.tables import LEDGER_TABLES
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

__all__ = [
    "PurchaseTable",
    "payments",
    "purchases",
    "receipts",
    "refunds",
    "stores",
    "webhooks",
]

add_tables(
    PurchaseTable,
    *LEDGER_TABLES,
    *MAILBOX_TABLES,
    EventArchiveColumns,
    QuotaColumns,
    *ERASURE_TABLES,
)
