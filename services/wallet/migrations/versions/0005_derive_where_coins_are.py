"""
Keep what is needed to derive where coins are: what a refund was answered, and what it took.

A dispute's currency says whether its amount can be compared with the purchase's price.
"""

from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"

FACTS = """
ALTER TABLE disputes ADD COLUMN currency text;
-- What purchase.refunded says; NULL while it does not.
ALTER TABLE holds ADD COLUMN refunded_coins bigint;
ALTER TABLE holds ADD CONSTRAINT refunded_is_counted
    CHECK (refunded_coins >= 0) NOT VALID;
ALTER TABLE held_coins
    -- What the wallet answered the refund's request; NULL for warnings, and before it was kept.
    ADD COLUMN answered_coins bigint,
    ADD COLUMN refunded_coins bigint NOT NULL DEFAULT 0;
ALTER TABLE held_coins ADD CONSTRAINT held_coins_are_counted
    CHECK (answered_coins >= 0 AND refunded_coins >= 0) NOT VALID;
"""


def upgrade() -> None:
    run_sql(FACTS)
