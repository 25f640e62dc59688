"""Remember each reversal as it was announced: the row of a lot knows only the newest."""

from shared.messaging.schema import CHRONICLE_RIGHTS_V1, CHRONICLE_V1
from shared.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(CHRONICLE_V1)
    run_sql(CHRONICLE_RIGHTS_V1.format(role="gift"))
