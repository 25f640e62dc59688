"""
Follow money that is taken back, and let people limit what they spend.

A lot now says where each of its coins went, and `lot_adds_up` stops whoever would lose one.
"""

from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

LOTS = """
ALTER TABLE lots
    ADD COLUMN spent       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN refunded    bigint  NOT NULL DEFAULT 0,
    ADD COLUMN charged_back  bigint  NOT NULL DEFAULT 0,
    ADD COLUMN paid_debts  bigint  NOT NULL DEFAULT 0,
    ADD COLUMN adjusted    bigint  NOT NULL DEFAULT 0,
    ADD COLUMN expired     bigint  NOT NULL DEFAULT 0,
    ADD COLUMN owed        bigint  NOT NULL DEFAULT 0,
    ADD COLUMN repaid     bigint  NOT NULL DEFAULT 0,
    ADD COLUMN revision    bigint  NOT NULL DEFAULT 0;
UPDATE lots SET spent = coins - remaining;
ALTER TABLE lots
    ADD CONSTRAINT lot_adds_up CHECK (
        coins = remaining + spent + refunded + charged_back + paid_debts + adjusted + expired
        AND least(spent, refunded, charged_back, paid_debts, adjusted, expired) >= 0
    ),
    ADD CONSTRAINT lot_owes_what_was_spent
        CHECK (0 <= repaid AND repaid <= owed AND owed <= spent + paid_debts);
CREATE INDEX lots_in_debt ON lots (user_id) WHERE owed > repaid;
CREATE INDEX lots_to_expire ON lots (expires_at) WHERE expires_at IS NOT NULL AND open;
"""

CLAIMS = """
-- The newest that was heard of each dispute; the purchase may not be known yet.
CREATE TABLE disputes (
    user_id        text     NOT NULL,
    purchase       uuid     NOT NULL,
    dispute        text     NOT NULL,
    revision       integer  NOT NULL,
    claimed_minor  bigint   NOT NULL CONSTRAINT dispute_claims CHECK (claimed_minor >= 0),
    PRIMARY KEY (user_id, purchase, dispute)
);

-- What coins are kept for: a refund under way, a warning of fraud.
CREATE TABLE holds (
    user_id   text  NOT NULL,
    hold_key  text  NOT NULL,
    purchase  uuid  NOT NULL,
    state     text  NOT NULL
              CONSTRAINT hold_state_known CHECK (state IN ('held', 'released', 'voided')),
    PRIMARY KEY (user_id, hold_key)
);
CREATE INDEX holds_of_purchase ON holds (user_id, purchase);

CREATE TABLE held_coins (
    user_id   text    NOT NULL,
    hold_key  text    NOT NULL,
    lot       uuid    NOT NULL,
    coins     bigint  NOT NULL CONSTRAINT held_is_counted CHECK (coins >= 0),
    PRIMARY KEY (user_id, hold_key, lot)
);

-- Which coins paid which debt, so that they go back where they came from.
CREATE TABLE repayments (
    user_id  text    NOT NULL,
    lot      uuid    NOT NULL,
    payer    uuid    NOT NULL,
    coins    bigint  NOT NULL CONSTRAINT settlement_is_counted CHECK (coins >= 0),
    PRIMARY KEY (user_id, lot, payer)
);

GRANT SELECT, INSERT, UPDATE ON disputes, holds, held_coins, repayments TO wallet;
"""

LIMITS = """
-- Every limit that was ever set; of those in force, the last one counts.
CREATE TABLE limits (
    user_id    text         NOT NULL,
    number     bigint       GENERATED ALWAYS AS IDENTITY,
    period     text         NOT NULL
               CONSTRAINT limit_period_known CHECK (period IN ('gift', 'day', 'week', 'month')),
    unit       text         NOT NULL
               CONSTRAINT limit_unit_known CHECK (unit = 'coins' OR unit ~ '^[A-Z]{3}$'),
    set_by     text         NOT NULL
               CONSTRAINT limit_setter_known CHECK (set_by IN ('user', 'operator')),
    -- NULL: there is no such limit any more.
    amount     bigint       CONSTRAINT limit_is_counted CHECK (amount >= 0),
    set_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    from_at    timestamptz  NOT NULL,
    PRIMARY KEY (user_id, number)
);

CREATE TABLE spendings (
    user_id       text    NOT NULL,
    day           date    NOT NULL,
    currency      text    NOT NULL,
    coins         bigint  NOT NULL,
    amount_minor  bigint  NOT NULL,
    PRIMARY KEY (user_id, day, currency)
) WITH (fillfactor = 70);

CREATE TABLE exclusions (
    user_id           text         NOT NULL,
    id                uuid         NOT NULL,
    idempotency_key   text         NOT NULL,
    request_hash      bytea        NOT NULL,
    until             timestamptz  NOT NULL,
    started_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    ended_at          timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_exclusion_a_key UNIQUE (user_id, idempotency_key)
);
CREATE INDEX exclusions_running ON exclusions (until) WHERE ended_at IS NULL;
CREATE INDEX exclusions_of_user ON exclusions (user_id) WHERE ended_at IS NULL;

-- An operator has stopped this wallet.
CREATE TABLE suspensions (
    user_id  text     PRIMARY KEY,
    suspended  boolean  NOT NULL
);

GRANT SELECT, INSERT ON limits TO wallet;
GRANT SELECT, INSERT, UPDATE ON spendings, suspensions TO wallet;
GRANT SELECT, INSERT ON exclusions TO wallet;
GRANT UPDATE (ended_at) ON exclusions TO wallet;
"""


def upgrade() -> None:
    run_sql(LOTS)
    run_sql(CLAIMS)
    run_sql(LIMITS)
