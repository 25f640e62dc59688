"""
Count gifts from before a goal or a perk in a backfill, without the lock that new gifts wait for.

A goal that begins in the past is there at once, and its earlier gifts are added when they have been
read; until then `backfill_attempt` is not 0, and reversals may exceed its coins. A perk is there at
once as well, and `backfill_after` is the last earlier supporter who was entitled to it; NULL: all
were.

`gifts_by_creator` is made by hand before an upgrade, CONCURRENTLY, where there are gifts.
"""

from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"

APART = """
CREATE INDEX IF NOT EXISTS gifts_by_creator ON gifts (creator, sent_at);
CREATE INDEX IF NOT EXISTS goals_by_creation ON goals (creator, created_at);
CREATE INDEX IF NOT EXISTS goals_backfilling ON goals (created_at) WHERE backfill_attempt > 0;
CREATE INDEX IF NOT EXISTS perks_backfilling ON perks (perk) WHERE backfill_after IS NOT NULL;
"""
COLUMNS = """
ALTER TABLE goals
    ADD COLUMN backfill_attempt  integer  NOT NULL DEFAULT 0,
    DROP CONSTRAINT progress_is_counted,
    ADD CONSTRAINT progress_is_counted
        CHECK (progress_coins >= 0 OR backfill_attempt > 0) NOT VALID,
    ADD CONSTRAINT backfill_is_attempted CHECK (backfill_attempt >= 0) NOT VALID;
ALTER TABLE perks ADD COLUMN backfill_after text;
"""


def upgrade() -> None:
    run_sql(COLUMNS)
    run_sql(APART)
