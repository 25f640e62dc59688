"""
Hold diamonds until their money is safe, and take them back when it is not.

What was earned before is available, as it was promised.
"""

from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

EARNINGS = """
ALTER TABLE earnings
    ADD COLUMN hold_reason    text     NOT NULL DEFAULT 'standard',
    ADD COLUMN matured        boolean  NOT NULL DEFAULT true,
    -- Of what was reversed: what the creator did not have any more.
    ADD COLUMN lost_diamonds  bigint   NOT NULL DEFAULT 0,
    ADD CONSTRAINT earning_hold_known
        CHECK (hold_reason IN ('standard', 'new-creator', 'funding-risk')),
    ADD CONSTRAINT earning_lost_in_part CHECK (lost_diamonds BETWEEN 0 AND reversed_diamonds);
ALTER TABLE earnings ALTER COLUMN hold_reason DROP DEFAULT, ALTER COLUMN matured DROP DEFAULT;
CREATE INDEX earnings_to_mature ON earnings (matures_at) WHERE NOT matured;
CREATE INDEX earnings_held ON earnings (creator, matures_at) WHERE NOT matured;
CREATE INDEX earnings_lost ON earnings (creator, decision) WHERE lost_diamonds > 0;
CREATE INDEX earnings_of_lot ON earnings (lot) WHERE NOT matured;
CREATE INDEX earnings_by_time ON earnings (occurred_at);

-- What the rules ask about a creator, so that nothing has to be summed up.
CREATE TABLE creators (
    creator            text         PRIMARY KEY,
    first_earned_at    timestamptz  NOT NULL,
    lifetime_diamonds  bigint       NOT NULL,
    maturings          bigint       NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
INSERT INTO creators (creator, first_earned_at, lifetime_diamonds)
SELECT creator, min(occurred_at), sum(diamonds) FROM earnings GROUP BY creator;

-- What the newest revision says; the gift may not be known yet.
CREATE TABLE reversals (
    creator         text    NOT NULL,
    gift            uuid    NOT NULL,
    lot             uuid    NOT NULL,
    revision        bigint  NOT NULL CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins  bigint  NOT NULL CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    PRIMARY KEY (creator, gift, lot)
);

-- Lots whose payment somebody warned of.
CREATE TABLE fraud_warnings (
    lot         uuid         PRIMARY KEY,
    flagged_at  timestamptz  NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON creators, reversals, fraud_warnings TO payout;
"""

PAYOUTS = """
ALTER TABLE payouts DROP CONSTRAINT payout_state_known;
ALTER TABLE payouts ADD CONSTRAINT payout_state_known CHECK (state IN (
    'requested', 'held', 'approved', 'sent', 'paid', 'failed', 'returned', 'rejected'
));
DROP INDEX one_open_payout_a_creator;
CREATE UNIQUE INDEX one_open_payout_a_creator ON payouts (creator)
    WHERE state IN ('requested', 'held', 'approved', 'sent');
"""


def upgrade() -> None:
    run_sql(EARNINGS)
    run_sql(PAYOUTS)
