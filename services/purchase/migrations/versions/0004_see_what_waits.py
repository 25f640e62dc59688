"""Find what still waits without reading what does not: for the gauges, every few seconds."""

from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

INDEXES = """
CREATE INDEX purchases_open ON purchases (state) WHERE state IN ('created', 'pending', 'paid');
CREATE INDEX refunds_open ON refunds (state)
    WHERE state IN ('requested', 'frozen') OR (state = 'refunded' AND voided_at IS NULL);
CREATE INDEX disputes_open ON disputes (recorded_at) WHERE state = 'open';
"""


def upgrade() -> None:
    run_sql(INDEXES)
