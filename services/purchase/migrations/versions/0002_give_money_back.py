"""
Give money back, follow disputes through every change of mind, and keep books of all of it.

The money books are the same ledger that keeps coins: its accounts are all the operator's own, and
a viewer's row is only what locks and numbers their decisions.
"""

from shared.ledger.schema import (
    LEDGER_RIGHTS_V1,
    LEDGER_RIGHTS_V2,
    LEDGER_V1,
    LEDGER_V2,
    OPERATORS_RIGHTS_V1,
    OPERATORS_V1,
)
from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

REFUNDS = """
CREATE TABLE refunds (
    viewer           text         NOT NULL,
    purchase         uuid         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    requested_by     text         NOT NULL,
    state            text         NOT NULL CONSTRAINT refund_state_known
                     CHECK (state IN ('requested', 'frozen', 'refunded', 'declined')),
    coins            bigint       NOT NULL DEFAULT 0,
    amount_minor     bigint       NOT NULL DEFAULT 0,
    currency         text         NOT NULL,
    reason           text,
    requested_at     timestamptz  NOT NULL,
    decided_at       timestamptz,
    voided_at         timestamptz,
    next_check_at    timestamptz,
    checks           integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (viewer, purchase, id),
    CONSTRAINT one_refund_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT refund_of_something
        CHECK (state NOT IN ('frozen', 'refunded') OR (coins > 0 AND amount_minor > 0)),
    CONSTRAINT refund_declined_with_reason CHECK ((state = 'declined') = (reason IS NOT NULL)),
    CONSTRAINT refund_followed_while_open
        CHECK ((state = 'frozen') = (next_check_at IS NOT NULL)),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE UNIQUE INDEX one_open_refund_a_purchase ON refunds (viewer, purchase)
    WHERE state IN ('requested', 'frozen');
CREATE INDEX refunds_by_id ON refunds (id);
CREATE INDEX refunds_due ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;

-- A bank may change its mind as often as it likes; each change that was published is a revision.
ALTER TABLE disputes DROP CONSTRAINT dispute_revision_follows_state;
ALTER TABLE disputes ADD CONSTRAINT dispute_revision_counts CHECK (revision >= 0);

CREATE TABLE warnings (
    viewer    text         NOT NULL,
    purchase  uuid         NOT NULL,
    warning   text         NOT NULL,
    reason    text         NOT NULL,
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (viewer, purchase, warning),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);

CREATE TABLE exclusions (
    viewer     text         NOT NULL,
    exclusion  uuid         NOT NULL,
    until      timestamptz  NOT NULL,
    ended      boolean      NOT NULL,
    PRIMARY KEY (viewer, exclusion)
);

CREATE INDEX purchases_by_payment_time ON purchases (paid_at) WHERE paid_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON refunds, exclusions TO purchase;
GRANT SELECT, INSERT ON warnings TO purchase;
"""


def upgrade() -> None:
    run_sql(REFUNDS)
    run_sql(LEDGER_V1)
    run_sql(LEDGER_RIGHTS_V1.format(role="purchase"))
    run_sql(LEDGER_V2)
    run_sql(LEDGER_RIGHTS_V2.format(role="purchase"))
    run_sql(OPERATORS_V1)
    run_sql(OPERATORS_RIGHTS_V1.format(role="purchase"))
