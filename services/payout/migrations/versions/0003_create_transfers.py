"""
Attempts to send payouts, and what providers say of them.

A partial unique index is a claim: a payout has one attempt under way.
"""

from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

TRANSFERS = """
CREATE TABLE attempts (
    creator             text         NOT NULL,
    id                  uuid         NOT NULL,
    payout              uuid         NOT NULL,
    number              integer      NOT NULL,
    transfer            text,
    closed              boolean      NOT NULL DEFAULT false,
    checks              integer      NOT NULL DEFAULT 0,
    next_check_at       timestamptz,
    first_submitted_at  timestamptz,
    -- Since when only a person can find out the result.
    unresolved_at       timestamptz,
    -- The newest status poll whose answer was applied: an answer to an older one is refused.
    answered_check      integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (creator, id),
    CONSTRAINT attempts_are_numbered UNIQUE (creator, payout, number),
    CONSTRAINT attempt_answered_when_asked CHECK (answered_check <= checks)
);
CREATE UNIQUE INDEX one_open_attempt_a_payout ON attempts (creator, payout) WHERE NOT closed;
CREATE INDEX attempts_due ON attempts (next_check_at) WHERE next_check_at IS NOT NULL;
-- A provider's webhook event names the attempt and not its creator.
CREATE INDEX attempts_by_id ON attempts (id);
GRANT SELECT, INSERT, UPDATE ON attempts TO payout;

-- Where the provider says what cannot be, by the state we believed.
CREATE TABLE contradictions (
    creator  text         NOT NULL,
    payout   uuid         NOT NULL,
    attempt  uuid         NOT NULL,
    state    text         NOT NULL,
    status   text         NOT NULL CONSTRAINT contradiction_status_known
             CHECK (status IN ('submitted', 'paid', 'failed', 'returned', 'several',
                               'returned-less')),
    at       timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, attempt, state, status)
);
GRANT SELECT, INSERT ON contradictions TO payout;
"""


def upgrade() -> None:
    run_sql(TRANSFERS)
