"""Count what people make permanent, so that it has a number it stops at."""

from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS_V1

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql(QUOTAS_V1.format(role="wallet"))
