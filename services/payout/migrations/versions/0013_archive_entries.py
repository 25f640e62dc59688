"""Old entries may leave for an archive: what stays of them, and who may move them."""

from shared.ledger.archive_schema import ARCHIVES
from shared.postgres.migrate import run_sql

revision = "0013"
down_revision = "0012"

CREATORS = """
-- Which entries are in a closed month: others do not leave.
GRANT SELECT (creator, closed_entry) ON creators TO payout_archiver;
"""


def upgrade() -> None:
    run_sql(ARCHIVES.format(role="payout"))
    run_sql(CREATORS)
