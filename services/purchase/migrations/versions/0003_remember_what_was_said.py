"""Remember each step of a purchase as it was announced: later steps overwrite the earlier ones."""

from shared.messaging.schema import EVENT_ARCHIVE_RIGHTS_V1, EVENT_ARCHIVE_V1
from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(EVENT_ARCHIVE_V1)
    run_sql(EVENT_ARCHIVE_RIGHTS_V1.format(role="purchase"))
