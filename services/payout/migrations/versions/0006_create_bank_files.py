"""
Payments by bank file: accounts of creators, orders, batches, and what reports say of them.

Files and reports are of creators of all parts: they are in the schema of reference.

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

-- What this part pays in a file: written once, whichever process makes the file.
CREATE TABLE bank_batches (
    file       uuid     PRIMARY KEY,
    payments   integer  NOT NULL CONSTRAINT bank_batch_of_payments CHECK (payments >= 0),
    key_id     text     NOT NULL,
    encrypted  bytea    NOT NULL
);
CREATE INDEX bank_batches_by_key ON bank_batches (key_id);
GRANT SELECT, INSERT ON bank_batches TO payout;
-- Encrypted again when the key is replaced; what it pays never changes.
GRANT UPDATE (key_id, encrypted) ON bank_batches TO payout;

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
