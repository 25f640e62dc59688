"""
Remember which revisions were heard of a gift's coins.

A revision that comes after a newer one is so told from one that comes again.
"""

from shared.postgres.migrate import run_sql

revision = "0009"
down_revision = "0008"

UPGRADE = """
-- NULL where only the newest revision is known: rows of the version before.
ALTER TABLE reversals ADD COLUMN known_revisions bigint[];
"""


def upgrade() -> None:
    run_sql(UPGRADE)
