"""The tables of a ledger's archives, with the rights; migrations create them."""

ARCHIVES = """
-- What no table has any more: the entries of whole blocks, in one Parquet file each. The hash is
-- that of the file; what is in it is proved by the seals of its blocks.
CREATE TABLE archives (
    number       bigint       PRIMARY KEY,
    first_block  bigint       NOT NULL,
    last_block   bigint       NOT NULL,
    entries      bigint       NOT NULL CONSTRAINT archive_has_entries CHECK (entries > 0),
    gifts        bigint       NOT NULL CONSTRAINT archive_counts_gifts CHECK (gifts >= 0),
    file         text         NOT NULL UNIQUE,
    size_bytes   bigint       NOT NULL CONSTRAINT archive_has_bytes CHECK (size_bytes > 0),
    hash         bytea        NOT NULL
                 CONSTRAINT archive_hash_is_sha256 CHECK (octet_length(hash) = 32),
    -- When its first and its last entry were recorded.
    first_at     timestamptz  NOT NULL,
    last_at      timestamptz  NOT NULL,
    -- Books have to be kept: nobody may delete the file before.
    keep_until   date         NOT NULL,
    archived_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT archive_has_blocks CHECK (first_block <= last_block)
);

-- Which decisions of a user are in which archive, by their numbers: all up to some number.
CREATE TABLE archived_users (
    user_id  text         NOT NULL,
    archive  bigint       NOT NULL REFERENCES archives,
    first    bigint       NOT NULL,
    last     bigint       NOT NULL,
    last_at  timestamptz  NOT NULL,
    PRIMARY KEY (user_id, archive),
    CONSTRAINT archived_range_is_one CHECK (first <= last)
);

-- A reference is decided once, for ever: this is what stays of it here. A gift is its id; of a text
-- it is half of its SHA-256.
CREATE FUNCTION reference_key(gift uuid, reference text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(gift, CAST(
        substr(encode(sha256(convert_to(reference, 'UTF8')), 'hex'), 1, 32) AS uuid
    ));
CREATE TABLE archived_keys (
    number   bigint  NOT NULL,
    key      uuid    NOT NULL,
    user_id  text    NOT NULL,
    PRIMARY KEY (user_id, key)
);

-- What an archive moved on each account, for the books of any hour.
CREATE TABLE archive_totals (
    archive   bigint  NOT NULL REFERENCES archives,
    account   text    NOT NULL,
    asset     text    NOT NULL,
    debit     bigint  NOT NULL,
    credit    bigint  NOT NULL,
    postings  bigint  NOT NULL,
    PRIMARY KEY (archive, account, asset)
);

-- Balances brought forward: what the archived entries of a user come to, by the kind of entry.
CREATE TABLE opening_balances (
    user_id  text         NOT NULL,
    kind     text         NOT NULL,
    account  text         NOT NULL,
    asset    text         NOT NULL,
    amount   bigint       NOT NULL,
    last_at  timestamptz  NOT NULL,
    PRIMARY KEY (user_id, kind, account, asset)
);

-- All postings: those of the archives are brought forward as one entry, the last of them.
CREATE OR REPLACE VIEW postings AS
    SELECT user_id, number AS entry, account, coalesce(leg.asset, entries.asset) AS asset, amount,
           balance_after
    FROM entries, unnest(string_to_array(accounts, ','), amounts, balances_after, assets)
        AS leg (account, amount, balance_after, asset)
    UNION ALL
    SELECT user_id, (
               SELECT max(last) FROM archived_users
               WHERE archived_users.user_id = opening.user_id
           ), account, asset, amount, CASE WHEN account NOT LIKE '@%' THEN amount END
    FROM (
        SELECT user_id, account, asset, sum(amount)::bigint AS amount FROM opening_balances
        GROUP BY user_id, account, asset
    ) AS opening;

-- What an entry was answered with, whether it is in the table or comes from an archive.
CREATE FUNCTION outcome_of(entry entries) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(entry.result, '{{}}');

-- An entry leaves for an archive that has its user's numbers and its key, or it stays.
CREATE FUNCTION keep_what_is_in_no_archive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (
        SELECT FROM gone WHERE NOT EXISTS (
            SELECT FROM archived_users AS of_user
            WHERE of_user.user_id = gone.user_id AND gone.number BETWEEN first AND last
        ) OR NOT EXISTS (
            SELECT FROM archived_keys AS known
            WHERE known.user_id = gone.user_id AND known.number = gone.number
              AND known.key = reference_key(gone.gift, gone.reference)
        )
    ) THEN RAISE EXCEPTION 'entries that are in no archive stay'; END IF; RETURN NULL; END $$;
CREATE TRIGGER archived_before_deleted AFTER DELETE ON entries
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION keep_what_is_in_no_archive();

-- Only the archiver can delete entries, and it can write nothing else. Seals keep their hashes.
GRANT SELECT ON archives, archived_users, archived_keys, archive_totals, opening_balances
    TO {role}, {role}_archiver;
GRANT INSERT ON archives, archived_users, archived_keys, archive_totals, opening_balances
    TO {role}_archiver;
GRANT UPDATE (amount, last_at) ON opening_balances TO {role}_archiver;
GRANT SELECT, DELETE ON entries TO {role}_archiver;
GRANT SELECT, UPDATE (users, firsts, lasts) ON seals TO {role}_archiver;
GRANT SELECT ON unsealed, accounts, postings, outcomes TO {role}_archiver;
-- How many parts there are.
GRANT SELECT ON public.parts TO {role}_archiver;
"""
