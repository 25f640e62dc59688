"""Count what people make permanent, so that it has a number it stops at."""

from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS_V1

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(QUOTAS_V1.format(role="purchase"))
