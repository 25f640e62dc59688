"""The ledger's tables as first released; a service's first migration creates them."""

LEDGER_V1 = """
-- One row an account; the row `main` carries the number of the user's last decision, and
-- locking it locks the user.
CREATE TABLE accounts (
    user_id  text    NOT NULL,
    kind     text    NOT NULL
             CONSTRAINT account_kind_known CHECK (kind IN ('main', 'held', 'debt')),
    unit     text    NOT NULL,
    balance  bigint  NOT NULL DEFAULT 0,
    version  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, kind, unit),
    CONSTRAINT only_debt_is_negative CHECK (balance >= 0 OR kind = 'debt')
) WITH (fillfactor = 70);  -- balances change in place, without touching the index

-- `id` is the number of the decision: it counts one user's, so users can be spread over databases.
CREATE TABLE movements (
    user_id      text         NOT NULL,
    id           bigint       NOT NULL,
    kind         text         NOT NULL,
    cause        text         NOT NULL,
    recorded_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_movement_a_cause UNIQUE (user_id, cause)
);

-- No foreign key to movements: both are written by the same path in one transaction,
-- and the runtime role can neither change nor delete them.
CREATE TABLE postings (
    user_id        text    NOT NULL,
    movement       bigint  NOT NULL,
    account        text    NOT NULL,
    unit           text    NOT NULL,
    amount         bigint  NOT NULL CONSTRAINT posting_moves CHECK (amount <> 0),
    balance_after  bigint,  -- NULL: a system account, whose balance is the sum of its postings
    PRIMARY KEY (user_id, movement, account, unit)
);

-- The gate: what was decided under a cause, refusals included, is decided for ever.
CREATE TABLE outcomes (
    user_id       text         NOT NULL,
    cause         text         NOT NULL,
    version       bigint       NOT NULL,
    request_hash  bytea        NOT NULL,
    outcome       jsonb        NOT NULL,
    movement      bigint,
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, cause)
);
"""

# History is written once: the runtime role can add to it and read it, nothing else.
LEDGER_RIGHTS_V1 = """
GRANT SELECT, INSERT, UPDATE ON accounts TO {role};
GRANT SELECT, INSERT ON movements, postings, outcomes TO {role};
"""
