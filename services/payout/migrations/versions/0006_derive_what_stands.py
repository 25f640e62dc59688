"""
Keep what the end state is derived from: the most that was ever reversed, and what came back.

Also what creators are owed and at which rate, what a payout cost the operator, how old an attempt
is, where the provider contradicts us, and since when a payee may be used.
"""

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"

DIAMONDS = """
ALTER TABLE reversals
    -- NULL where only the newest revision is known: rows of the version before.
    ADD COLUMN most_coins   bigint,
    ADD COLUMN newest_at    timestamptz,
    ADD COLUMN restored_at  timestamptz,
    ADD CONSTRAINT reversal_most_counted CHECK (most_coins >= 0) NOT VALID;

-- Until when diamonds of the lot wait for it; NULL of what the version before heard and followed.
ALTER TABLE fraud_warnings ADD COLUMN until timestamptz;

-- Diamonds that were taken back and came back: they mature on their own.
CREATE TABLE restorations (
    creator      text         NOT NULL,
    gift         uuid         NOT NULL,
    slice        smallint     NOT NULL,
    diamonds     bigint       NOT NULL,
    pending      bigint       NOT NULL,
    matures_at   timestamptz  NOT NULL,
    PRIMARY KEY (creator, gift, slice),
    CONSTRAINT restoration_pending_in_part CHECK (pending BETWEEN 0 AND diamonds)
);
CREATE INDEX restorations_to_mature ON restorations (matures_at) WHERE pending > 0;
CREATE INDEX restorations_held ON restorations (creator, matures_at) WHERE pending > 0;

-- The rate at which a creator's diamonds stand in the money books.
CREATE TABLE valuations (
    creator               text     PRIMARY KEY,
    rate_version          integer  NOT NULL,
    currency              text     NOT NULL,
    value_minor_per_1000  bigint   NOT NULL
                          CONSTRAINT valuation_at_a_rate CHECK (value_minor_per_1000 > 0)
);

GRANT SELECT, INSERT, UPDATE ON restorations, valuations TO payout;
"""

PAYOUTS = """
-- Of a payout that was paid after it had failed: what the creator did not have any more. A table of
-- its own: the version before reads all columns of `payouts`, and fails once when there is another.
CREATE TABLE payout_losses (
    creator        text    NOT NULL,
    payout         uuid    NOT NULL,
    lost_diamonds  bigint  NOT NULL CONSTRAINT payout_loss_counted CHECK (lost_diamonds >= 0),
    PRIMARY KEY (creator, payout)
);

ALTER TABLE attempts
    ADD COLUMN first_submitted_at  timestamptz,
    -- Since when only a person can say what became of it.
    ADD COLUMN unresolved_at       timestamptz,
    -- The newest look whose answer was taken: an older answer is not heard after it.
    ADD COLUMN answered_check      integer  NOT NULL DEFAULT 0,
    ADD CONSTRAINT attempt_answered_when_asked CHECK (answered_check <= checks) NOT VALID;

-- Where the provider says what cannot be, by what we believed.
CREATE TABLE contradictions (
    creator   text         NOT NULL,
    payout    uuid         NOT NULL,
    attempt   uuid         NOT NULL,
    state     text         NOT NULL,
    status    text         NOT NULL
              CONSTRAINT contradiction_status_known
              CHECK (status IN ('submitted', 'paid', 'failed', 'returned', 'several')),
    at        timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, attempt, state, status)
);

ALTER TABLE payees
    ADD COLUMN revision    bigint   NOT NULL DEFAULT 1,
    ADD COLUMN changed_by  text,
    -- NULL: at once.
    ADD COLUMN usable_at   timestamptz,
    -- Whether a person has to look at the next payout that goes there.
    ADD COLUMN unreviewed  boolean  NOT NULL DEFAULT false,
    ADD CONSTRAINT payee_is_counted CHECK (revision > 0) NOT VALID;

GRANT SELECT, INSERT ON contradictions TO payout;
GRANT SELECT, INSERT, UPDATE ON payout_losses TO payout;
"""


def upgrade() -> None:
    run_sql(DIAMONDS)
    run_sql(PAYOUTS)
