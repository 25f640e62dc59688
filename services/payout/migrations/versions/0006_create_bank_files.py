"""
Payments by bank file: accounts of creators, orders, files, and what reports say of them.

A payment of a file has a row that nothing can change or remove: an attempt is in one file for ever,
whatever happened between making the file and bringing it to the bank.
"""

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0004"

BANK_FILES = """
CREATE TABLE bank_accounts (
    creator    text         NOT NULL,
    token      text         NOT NULL,
    key_id     text         NOT NULL,
    encrypted  bytea        NOT NULL,
    added_at   timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, token)
);
CREATE INDEX bank_accounts_by_key ON bank_accounts (key_id);
-- DELETE: names and numbers of people are erased.
GRANT SELECT, INSERT, UPDATE, DELETE ON bank_accounts TO payout;

CREATE TABLE bank_files (
    id            uuid         PRIMARY KEY,
    payments      integer      NOT NULL CONSTRAINT bank_file_of_payments CHECK (payments > 0),
    amount_minor  bigint       NOT NULL CONSTRAINT bank_file_of_money CHECK (amount_minor > 0),
    currency      text         NOT NULL,
    made_at       timestamptz  NOT NULL,
    made_by       text         NOT NULL,
    key_id        text         NOT NULL,
    encrypted     bytea        NOT NULL
);
CREATE INDEX bank_files_by_time ON bank_files (made_at, id);
CREATE INDEX bank_files_by_key ON bank_files (key_id);
GRANT SELECT, INSERT ON bank_files TO payout;
-- Encrypted again when the key is replaced; what it pays never changes.
GRANT UPDATE (key_id, encrypted) ON bank_files TO payout;

CREATE TABLE bank_orders (
    creator       text         NOT NULL,
    attempt       uuid         NOT NULL,
    account       text         NOT NULL,
    amount_minor  bigint       NOT NULL CONSTRAINT bank_order_of_money CHECK (amount_minor > 0),
    currency      text         NOT NULL,
    ordered_at    timestamptz  NOT NULL DEFAULT now(),
    state         text         NOT NULL DEFAULT 'waiting' CONSTRAINT bank_order_state_known
                  CHECK (state IN ('waiting', 'filed', 'dropped')),
    PRIMARY KEY (creator, attempt)
);
CREATE INDEX bank_orders_waiting ON bank_orders (ordered_at) WHERE state = 'waiting';
-- A bank's report names the attempt and not its creator.
CREATE INDEX bank_orders_by_attempt ON bank_orders (attempt);
GRANT SELECT, INSERT ON bank_orders TO payout;
GRANT UPDATE (state) ON bank_orders TO payout;

-- Rows are never changed: an attempt is in one file for ever.
CREATE TABLE bank_payments (
    creator  text  NOT NULL,
    attempt  uuid  NOT NULL,
    file     uuid  NOT NULL,
    PRIMARY KEY (creator, attempt)
);
CREATE INDEX bank_payments_of_file ON bank_payments (file);
GRANT SELECT, INSERT ON bank_payments TO payout;

CREATE TABLE bank_reports (
    id              uuid         PRIMARY KEY,
    message_id      text         NOT NULL,
    kind            text         NOT NULL CONSTRAINT bank_report_kind_known
                    CHECK (kind IN ('pain.002', 'camt.053', 'camt.054')),
    statuses        integer      NOT NULL,
    contradictions  integer      NOT NULL,
    received_at     timestamptz  NOT NULL DEFAULT now(),
    received_by     text         NOT NULL,
    confirmed_by    text,
    -- From then on it counts; until then it waits for a colleague.
    applied_at      timestamptz,
    key_id          text         NOT NULL,
    encrypted       bytea        NOT NULL,
    CONSTRAINT bank_report_confirmed_by_another
        CHECK (confirmed_by IS NULL OR (confirmed_by <> received_by AND applied_at IS NOT NULL))
);
CREATE INDEX bank_reports_waiting ON bank_reports (received_at) WHERE applied_at IS NULL;
CREATE INDEX bank_reports_by_time ON bank_reports (received_at, id);
CREATE INDEX bank_reports_by_key ON bank_reports (key_id);
GRANT SELECT, INSERT ON bank_reports TO payout;
GRANT UPDATE (statuses, contradictions, confirmed_by, applied_at) ON bank_reports TO payout;
GRANT UPDATE (key_id, encrypted) ON bank_reports TO payout;

CREATE TABLE bank_statuses (
    creator  text  NOT NULL,
    attempt  uuid  NOT NULL,
    report   uuid  NOT NULL,
    code     text  NOT NULL,
    reason   text,
    PRIMARY KEY (creator, attempt, report, code)
);
GRANT SELECT, INSERT ON bank_statuses TO payout;
"""


def upgrade() -> None:
    run_sql(BANK_FILES)
