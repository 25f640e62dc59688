"""Remember each step of a purchase as it was announced: later steps overwrite the earlier ones."""

from shared.messaging.schema import CHRONICLE_RIGHTS_V1, CHRONICLE_V1
from shared.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(CHRONICLE_V1)
    run_sql(CHRONICLE_RIGHTS_V1.format(role="purchase"))
