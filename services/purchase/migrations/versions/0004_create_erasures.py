"""People who are erased, and what may be erased of them."""

from shared.backoffice.schema import ERASED_USERS
from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

RIGHTS = """
-- A withdrawal stays, without the name and the address in it; so does the event about it.
GRANT UPDATE (consumer_name, reply_to) ON withdrawals TO purchase;
GRANT UPDATE (event) ON event_archive TO purchase;
"""


def upgrade() -> None:
    run_sql(ERASED_USERS.format(role="purchase"))
    run_sql(RIGHTS)
