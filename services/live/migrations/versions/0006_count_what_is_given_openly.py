"""
Count apart what viewers gave openly: others see the level of that, and of nothing else.

Rows that are there begin at 0 and are filled by the job `open-levels`, from `supporters`, which
counts open gifts alone. The version before adds nothing to the column; the job corrects that too.

`supporters_by_viewer` is made by hand before an upgrade, CONCURRENTLY, where there are gifts.
"""

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"

OPENLY = """
ALTER TABLE gifters ADD COLUMN open_coins bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS supporters_by_viewer ON supporters (viewer);
"""


def upgrade() -> None:
    run_sql(OPENLY)
