"""The tables of the ledger and of operators, with the rights; migrations create them."""

LEDGER = """
-- One row an account; the row `main` carries the number of the user's last decision, and
-- locking it locks the user.
CREATE TABLE accounts (
    user_id  text    NOT NULL,
    kind     text    NOT NULL
             CONSTRAINT account_kind_known CHECK (kind IN ('main', 'held', 'pending', 'debt')),
    asset    text    NOT NULL,
    balance  bigint  NOT NULL DEFAULT 0,
    version  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, kind, asset),
    CONSTRAINT only_debt_is_negative CHECK (balance >= 0 OR kind = 'debt')
) WITH (fillfactor = 70);  -- balances change in place, without touching the index
GRANT SELECT, INSERT, UPDATE ON accounts TO {role};

-- History is written once: the runtime role can add to it and read it, nothing else.

-- `id` is the number of the decision: it counts one user's, so users can be spread over databases.
CREATE TABLE entries (
    user_id      text         NOT NULL,
    id           bigint       NOT NULL,
    kind         text         NOT NULL,
    reference    text         NOT NULL,
    recorded_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_entry_a_reference UNIQUE (user_id, reference)
);
GRANT SELECT, INSERT ON entries TO {role};

-- No foreign key to entries: both are written by the same path in one transaction,
-- and the runtime role can neither change nor delete them.
CREATE TABLE postings (
    user_id        text    NOT NULL,
    entry          bigint  NOT NULL,
    account        text    NOT NULL,
    asset          text    NOT NULL,
    amount         bigint  NOT NULL CONSTRAINT posting_moves CHECK (amount <> 0),
    balance_after  bigint,  -- NULL: a system account, whose balance is the sum of its postings
    PRIMARY KEY (user_id, entry, account, asset)
);
GRANT SELECT, INSERT ON postings TO {role};

-- One permanent outcome a reference, refusals included.
CREATE TABLE outcomes (
    user_id       text         NOT NULL,
    reference     text         NOT NULL,
    version       bigint       NOT NULL,
    request_hash  bytea        NOT NULL,
    outcome       jsonb        NOT NULL,
    entry         bigint,
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, reference)
);
GRANT SELECT, INSERT ON outcomes TO {role};

-- Entries that are in no sealed block yet. Written with each entry, emptied by the sealer.
CREATE TABLE unsealed (
    user_id  text    NOT NULL,
    entry    bigint  NOT NULL,
    PRIMARY KEY (user_id, entry)
);
GRANT SELECT, INSERT, DELETE ON unsealed TO {role};

-- A chain over history: each block's hash covers its entries and the hash before it.
CREATE TABLE seals (
    block          bigint       PRIMARY KEY,
    users          text[]       NOT NULL,
    entries        bigint[]     NOT NULL,
    hash           bytea        NOT NULL,
    previous_hash  bytea        NOT NULL,
    sealed_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT block_names_each_entry CHECK (cardinality(users) = cardinality(entries))
);
GRANT SELECT, INSERT ON seals TO {role};
"""

AUDIT = """
-- What operators did.
CREATE TABLE audit (
    id        bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    operator  text         NOT NULL,
    action    text         NOT NULL,
    user_id   text         NOT NULL,
    reason    text         NOT NULL CONSTRAINT audit_has_a_reason CHECK (reason <> ''),
    facts     jsonb        NOT NULL
);
CREATE INDEX audit_of_user ON audit (user_id, id);
GRANT SELECT, INSERT ON audit TO {role};
"""

ADJUSTMENTS = """
-- Corrections of a balance that an operator requests and a colleague decides.
CREATE TABLE adjustments (
    user_id          text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    amount           bigint       NOT NULL CONSTRAINT adjustment_moves CHECK (amount <> 0),
    reason           text         NOT NULL,
    requested_by     text         NOT NULL,
    requested_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    state            text         NOT NULL DEFAULT 'requested'
                     CONSTRAINT adjustment_state_known
                     CHECK (state IN ('requested', 'applied', 'rejected')),
    decided_by       text,
    decided_at       timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_adjustment_a_key UNIQUE (requested_by, idempotency_key),
    CONSTRAINT decided_by_a_colleague
        CHECK ((state = 'requested') = (decided_by IS NULL)
               AND (state <> 'applied' OR decided_by <> requested_by)),
    -- The owner of the balance, the operator who requests and the one who agrees are three
    -- persons. The code compares more strictly.
    CONSTRAINT adjusted_by_other_people CHECK (
        state = 'rejected' OR (
            lower(btrim(user_id)) <> lower(btrim(requested_by))
            AND (decided_by IS NULL OR (
                lower(btrim(user_id)) <> lower(btrim(decided_by))
                AND lower(btrim(requested_by)) <> lower(btrim(decided_by))
            ))
        )
    )
);
CREATE INDEX adjustments_by_id ON adjustments (id);
GRANT SELECT, INSERT ON adjustments TO {role};
GRANT UPDATE (state, decided_by, decided_at) ON adjustments TO {role};
"""
