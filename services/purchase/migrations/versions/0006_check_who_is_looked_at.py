"""Validate what the migration before added, without a lock that keeps others waiting."""

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"

CHECKS = """
ALTER TABLE refunds VALIDATE CONSTRAINT refund_looks_count;
ALTER TABLE refunds VALIDATE CONSTRAINT refund_looked_at_once_decided;
"""


def upgrade() -> None:
    run_sql(CHECKS)
