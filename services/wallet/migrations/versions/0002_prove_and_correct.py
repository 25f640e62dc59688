"""Seal the coin ledger's history, and let operators correct it without rewriting it."""

from shared.ledger.schema import (
    LEDGER_RIGHTS_V2,
    LEDGER_V2,
    OPERATORS_RIGHTS_V1,
    OPERATORS_V1,
)
from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(LEDGER_V2)
    run_sql(LEDGER_RIGHTS_V2.format(role="wallet"))
    run_sql(OPERATORS_V1)
    run_sql(OPERATORS_RIGHTS_V1.format(role="wallet"))
