"""People who are erased, and the right to erase their words."""

from shared.backoffice.schema import ERASED_USERS
from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

RIGHTS = """
-- Words are erased also where entries are never rewritten otherwise.
GRANT UPDATE (shown) ON feed TO live;
GRANT UPDATE (message) ON thanks TO live;
"""


def upgrade() -> None:
    run_sql(ERASED_USERS.format(role="live"))
    run_sql(RIGHTS)
