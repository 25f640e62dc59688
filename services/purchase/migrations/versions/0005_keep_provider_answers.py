"""
Look before deciding: which answer of the provider is the newest, and which refunds it was sent.

What was sent may have been made, however the answer was lost; so a refund keeps when the provider
was first asked, what it calls the refund, and since when a person has to find out. What was
decided is looked at again: money may come back, or go after all.
"""

from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"

ANSWERS = """
CREATE TABLE provider_answers (
    viewer            text         NOT NULL,
    purchase          uuid         NOT NULL,
    payment           text         NOT NULL,
    sequence          bigint,
    asked_at          timestamptz,
    answered_at       timestamptz,
    -- The provider did something for us then: what was asked before may not know of it.
    ignored_before    timestamptz,
    fee_minor         bigint       CONSTRAINT answer_fee_known CHECK (fee_minor >= 0),
    given_back_minor  bigint       NOT NULL CONSTRAINT answer_given_back_known
                      CHECK (given_back_minor >= 0),
    entries           integer      NOT NULL CONSTRAINT answer_entries_count CHECK (entries >= 0),
    PRIMARY KEY (viewer, purchase, payment),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);

ALTER TABLE refunds
    ADD COLUMN submitted_at timestamptz,
    ADD COLUMN provider_refund text,
    ADD COLUMN unresolved_at timestamptz,
    -- Looked at again although it is decided; after so many looks no longer.
    ADD COLUMN look_at timestamptz,
    ADD COLUMN looks integer NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD CONSTRAINT refund_looks_count CHECK (looks >= 0) NOT VALID;
ALTER TABLE refunds ADD CONSTRAINT refund_looked_at_once_decided
    CHECK (look_at IS NULL OR state IN ('refunded', 'declined')) NOT VALID;
CREATE INDEX IF NOT EXISTS refunds_to_look_at ON refunds (look_at) WHERE look_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON provider_answers TO purchase;
"""


def upgrade() -> None:
    run_sql(ANSWERS)
