"""
Remember which revisions were heard of a gift's coins, and which of them others were told.

A revision that comes after a newer one is so told from one that comes again.
"""

from shared.postgres.migrate import run_sql

revision = "0008"
down_revision = "0007"

UPGRADE = """
ALTER TABLE reversals
    -- NULL where only the newest revision is known: rows of the version before.
    ADD COLUMN known_revisions     bigint[],
    ADD COLUMN published_revision  bigint;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
