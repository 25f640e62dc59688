"""Nobody corrects their own diamonds, nor agrees to their own correction under another spelling."""

from shared.ledger.schema import OTHER_PEOPLE_V1
from shared.postgres.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(OTHER_PEOPLE_V1)
