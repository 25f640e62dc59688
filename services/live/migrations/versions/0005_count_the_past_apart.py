"""
Count what was given before a goal or a perk apart from the lock that gifts wait for.

A goal that begins in the past is there at once, and what was given before is added when it has been
read; until then `past_attempt` is not 0, and what is taken back meanwhile may be more than what is
there. A perk is there at once as well, and `unlocking_after` is the last of those who gave enough
before and were entitled to it; NULL: all were.

`gifts_by_creator` is made by hand before an upgrade, CONCURRENTLY, where there are gifts.
"""

from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"

APART = """
CREATE INDEX IF NOT EXISTS gifts_by_creator ON gifts (creator, sent_at);
CREATE INDEX IF NOT EXISTS goals_by_creation ON goals (creator, created_at);
CREATE INDEX IF NOT EXISTS goals_past_open ON goals (created_at) WHERE past_attempt > 0;
CREATE INDEX IF NOT EXISTS perks_unlocking ON perks (perk) WHERE unlocking_after IS NOT NULL;
"""
COLUMNS = """
ALTER TABLE goals
    ADD COLUMN past_attempt  integer  NOT NULL DEFAULT 0,
    DROP CONSTRAINT progress_is_counted,
    ADD CONSTRAINT progress_is_counted
        CHECK (progress_coins >= 0 OR past_attempt > 0) NOT VALID,
    ADD CONSTRAINT past_is_attempted CHECK (past_attempt >= 0) NOT VALID;
ALTER TABLE perks ADD COLUMN unlocking_after text;
"""


def upgrade() -> None:
    run_sql(COLUMNS)
    run_sql(APART)
