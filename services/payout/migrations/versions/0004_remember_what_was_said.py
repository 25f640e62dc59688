"""Remember what was announced of payouts and reversals: their rows know only how they stand."""

from shared.messaging.schema import EVENT_ARCHIVE_RIGHTS_V1, EVENT_ARCHIVE_V1
from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(EVENT_ARCHIVE_V1)
    run_sql(EVENT_ARCHIVE_RIGHTS_V1.format(role="payout"))
