"""People who are erased: nothing of the coins changes."""

from shared.backoffice.schema import ERASED_USERS
from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(ERASED_USERS.format(role="wallet"))
