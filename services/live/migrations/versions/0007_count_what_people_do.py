"""
Count what creators make permanent, so that it has a number it stops at.

`rooms_by_owner` and `streams_open` are made by hand before an upgrade, CONCURRENTLY, where there
are many rooms.
"""

from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS_V1

revision = "0007"
down_revision = "0006"

INDEXES = """
CREATE INDEX IF NOT EXISTS rooms_by_owner ON room_owners (creator);
CREATE INDEX IF NOT EXISTS streams_open ON streams (creator) WHERE closed_at IS NULL;
"""


def upgrade() -> None:
    run_sql(QUOTAS_V1.format(role="live"))
    run_sql(INDEXES)
