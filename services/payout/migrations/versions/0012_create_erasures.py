"""People who are erased, and the accounts that their money went to."""

from shared.backoffice.schema import ERASED_USERS
from shared.postgres.migrate import run_sql

revision = "0012"
down_revision = "0010"

RIGHTS = """
GRANT DELETE ON payees TO payout;
"""


def upgrade() -> None:
    run_sql(ERASED_USERS.format(role="payout"))
    run_sql(RIGHTS)
