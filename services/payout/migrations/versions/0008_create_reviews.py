"""
Reviews of payouts, decisions about them and appeals; and what creators want to be paid by itself.

What was decided is history: the service adds to it and changes nothing.
"""

from shared.postgres.migrate import run_sql

revision = "0008"
down_revision = "0007"

REVIEWS = """
-- Why a payout went under review with a version of its own, and by when a person decides.
CREATE TABLE payout_reviews (
    creator      text         NOT NULL,
    payout       uuid         NOT NULL,
    revision     integer      NOT NULL,
    reasons      text[]       NOT NULL
                 CONSTRAINT review_has_reasons CHECK (cardinality(reasons) > 0),
    opened_at    timestamptz  NOT NULL,
    decide_by    timestamptz  NOT NULL,
    promised_by  timestamptz  NOT NULL,
    PRIMARY KEY (creator, payout, revision)
);
GRANT SELECT, INSERT ON payout_reviews TO payout;

-- A person decides about a payout once: an appeal, or a second review, is for somebody else.
CREATE TABLE payout_decisions (
    creator   text         NOT NULL,
    payout    uuid         NOT NULL,
    operator  text         NOT NULL,
    revision  integer      NOT NULL,
    decision  text         NOT NULL CONSTRAINT payout_decision_known
              CHECK (decision IN ('approved', 'rejected', 'upheld', 'overturned')),
    reason    text         NOT NULL,
    -- Of a rejection: what it rests on.
    ground    text         CONSTRAINT payout_ground_known CHECK (ground IN ('terms', 'law')),
    clause    text,
    facts     text,
    at        timestamptz  NOT NULL,
    PRIMARY KEY (creator, payout, operator),
    CONSTRAINT payout_rejected_on_a_ground CHECK ((decision = 'rejected') = (ground IS NOT NULL)),
    CONSTRAINT payout_decided_by_others CHECK (lower(operator) <> lower(creator))
);
GRANT SELECT, INSERT ON payout_decisions TO payout;

CREATE TABLE payout_appeals (
    creator      text         NOT NULL,
    payout       uuid         NOT NULL,
    text         text         NOT NULL
                 CONSTRAINT appeal_has_a_length CHECK (length(text) <= 2000),
    appealed_at  timestamptz  NOT NULL,
    decide_by    timestamptz  NOT NULL,
    decision     text         CONSTRAINT appeal_decision_known
                 CHECK (decision IN ('upheld', 'overturned')),
    decided_at   timestamptz,
    PRIMARY KEY (creator, payout),
    CONSTRAINT appeal_decided_at_a_time CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX payout_appeals_open ON payout_appeals (appealed_at) WHERE decision IS NULL;
GRANT SELECT, INSERT, UPDATE ON payout_appeals TO payout;
"""
SCHEDULES = """
-- Payouts that are requested without their creator, and what became of the last try.
CREATE TABLE payout_schedules (
    creator             text         PRIMARY KEY,
    kind                text         NOT NULL CONSTRAINT schedule_kind_known
                        CHECK (kind IN ('weekly', 'monthly', 'above', 'none')),
    -- Only of `above`: how many available diamonds are enough.
    threshold_diamonds  bigint,
    -- NULL: that of the creator's rate.
    currency            text,
    -- What the creator's token said when the schedule was set: a payout requires an age.
    age_years           integer,
    country             text,
    -- NULL: never.
    next_at             timestamptz,
    last_tried_at       timestamptz,
    -- NULL: it was requested.
    last_refusal        text,
    CONSTRAINT schedule_above_a_threshold
        CHECK ((kind = 'above') = (threshold_diamonds IS NOT NULL) AND threshold_diamonds > 0),
    CONSTRAINT schedule_has_a_next_time CHECK ((kind = 'none') = (next_at IS NULL))
);
CREATE INDEX payout_schedules_due ON payout_schedules (next_at) WHERE next_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON payout_schedules TO payout;
"""


def upgrade() -> None:
    run_sql(REVIEWS)
    run_sql(SCHEDULES)
