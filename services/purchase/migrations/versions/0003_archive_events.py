"""Keep the events of each step of a purchase: later steps overwrite the row."""

from shared.messaging.schema import EVENT_ARCHIVE_RIGHTS_V1, EVENT_ARCHIVE_V1
from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(EVENT_ARCHIVE_V1)
    run_sql(EVENT_ARCHIVE_RIGHTS_V1.format(role="purchase"))
