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
) WITH (fillfactor = 50);  -- a batch may change all of a page, in place and without the index
GRANT SELECT, INSERT, UPDATE ON accounts TO {role};

-- Whether the amounts of each asset sum to zero; `assets` of NULL means that all have one.
CREATE FUNCTION sums_to_zero(assets text[], amounts bigint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN NOT EXISTS (
        SELECT FROM unnest(assets, amounts) AS leg (asset, amount)
        GROUP BY asset HAVING sum(amount) <> 0
    );

-- One row a decision: a journal entry with its postings, or a refusal, for ever. `number` counts
-- the decisions about one user, so that users can be spread over databases. The reference of a
-- gift, `gift:<id>`, is its id alone: with its index it takes 60 bytes less than as a text.
-- The legs of an entry are lists. `accounts` has their names with commas between them: of two
-- names an array takes 41 bytes and the text 12. `balances_after` is NULL for a system account,
-- whose balance is the sum of its postings, and ends with the last that is not; `assets` is there
-- only where the legs differ in their asset. `lots` are the lots that the entry took its amount
-- out of, `slices` how much out of each; NULL: all out of one. `result` is what cannot be derived
-- from the row. Columns of eight bytes come first, which saves eight.
CREATE TABLE entries (
    number          bigint       NOT NULL,
    recorded_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    user_id         text         NOT NULL,
    gift            uuid,
    reference       text,        -- of all that is not about a gift
    request_hash    bytea        NOT NULL,
    kind            text,        -- NULL: nothing moved
    asset           text,
    accounts        text,
    amounts         bigint[],
    balances_after  bigint[],
    assets          text[],
    lots            uuid[],
    slices          bigint[],
    result          jsonb,
    PRIMARY KEY (user_id, number),
    CONSTRAINT entry_has_one_reference
        CHECK (num_nonnulls(gift, reference) = 1 AND reference NOT LIKE 'gift:%'),
    CONSTRAINT entry_has_postings CHECK (
        CASE WHEN kind IS NULL THEN num_nonnulls(asset, accounts, amounts, balances_after,
                                                 assets, lots, slices) = 0
        ELSE num_nulls(asset, accounts, amounts, balances_after) = 0
            AND cardinality(amounts) > 0
            AND cardinality(amounts) = cardinality(string_to_array(accounts, ','))
            AND cardinality(amounts) >= cardinality(balances_after)
            AND cardinality(amounts) = coalesce(cardinality(assets), cardinality(amounts)) END
    ),
    CONSTRAINT posting_moves CHECK (0 <> ALL (amounts)),
    -- Most entries have two legs of an asset, some two of another: sums are cheaper than a call.
    CONSTRAINT entry_sums_to_zero CHECK (
        CASE WHEN assets IS NULL AND cardinality(amounts) = 2 THEN amounts[1] + amounts[2] = 0
        WHEN assets[1] = assets[2] AND assets[3] = assets[4] AND cardinality(amounts) = 4
            THEN amounts[1] + amounts[2] = 0 AND amounts[3] + amounts[4] = 0
        ELSE sums_to_zero(assets, amounts) END
    ),
    CONSTRAINT slice_has_lot_and_coins CHECK (
        cardinality(lots) = coalesce(cardinality(slices), 1)
        AND (slices IS NULL OR lots IS NOT NULL) AND 0 < ALL (slices)
    )
);
-- The primary key begins with the user too, and PostgreSQL would take it for a reference where the
-- average user has few decisions: then it reads all those of a user who has many. So these indexes
-- have a collation of their own, which a look-up names.
CREATE UNIQUE INDEX one_entry_a_gift ON entries (user_id COLLATE "C", gift)
    WHERE gift IS NOT NULL;
CREATE UNIQUE INDEX one_entry_a_reference ON entries (user_id COLLATE "C", reference)
    WHERE reference IS NOT NULL;
CREATE INDEX entries_recorded_at ON entries USING brin (recorded_at);

-- The same as relations: for verification, finance and people.
CREATE VIEW postings AS
    SELECT user_id, number AS entry, account, coalesce(leg.asset, entries.asset) AS asset, amount,
           balance_after
    FROM entries, unnest(string_to_array(accounts, ','), amounts, balances_after, assets)
        AS leg (account, amount, balance_after, asset);
CREATE VIEW outcomes AS
    SELECT user_id, number, gift, coalesce(reference, 'gift:' || gift) AS reference, request_hash,
           kind, coalesce(result, '{{}}') AS outcome, recorded_at
    FROM entries;
-- History is written once: the runtime role can add to it and read it, nothing else.
GRANT SELECT, INSERT ON entries TO {role};
GRANT SELECT ON postings, outcomes TO {role};
"""

SEALS = """
-- Which decisions are in no block yet: a row each transaction that wrote some, with the range of
-- each user. The sealer takes them. A transaction is sealed whole, so no order of commits matters.
CREATE TABLE unsealed (
    id      bigint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    users   text[]    NOT NULL,
    firsts  bigint[]  NOT NULL,
    lasts   bigint[]  NOT NULL
) WITH (
    -- The table is a queue: all its rows die young, so it is vacuumed early and often.
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_limit = 2000
);
GRANT SELECT, INSERT, DELETE ON unsealed TO {role};

-- A chain over history: each block's hash covers its entries and the hash before it. The entries
-- of a block are the users' decisions from a number to a number.
CREATE TABLE seals (
    block          bigint       PRIMARY KEY,
    users          text[]       NOT NULL,
    firsts         bigint[]     NOT NULL,
    lasts          bigint[]     NOT NULL,
    entries        bigint       NOT NULL,
    hash           bytea        NOT NULL,
    previous_hash  bytea        NOT NULL,
    sealed_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT block_names_each_entry CHECK (
        cardinality(users) = cardinality(firsts) AND cardinality(users) = cardinality(lasts)
    )
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
    CONSTRAINT one_adjustment_a_key UNIQUE (user_id, requested_by, idempotency_key),
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
