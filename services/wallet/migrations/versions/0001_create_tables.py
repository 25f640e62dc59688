"""
The wallet's tables: the ledger, and the lots every coin belongs to.

The CHECKs repeat rules that the domain already enforces. That is the point: the domain explains
a refusal to a person, the constraint stops a bug.
"""

from shared.ledger.schema import ADJUSTMENTS, LEDGER, SEALS
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

LOTS = """
-- A lot says where each of its coins went; `lot_adds_up` stops a bug that would lose one.
CREATE TABLE lots (
    user_id          text         NOT NULL,
    id               uuid         NOT NULL,
    purchase         uuid         NOT NULL,
    kind             text         NOT NULL
                     CONSTRAINT lot_kind_known CHECK (kind IN ('paid', 'bonus', 'promo')),
    coins            bigint       NOT NULL CONSTRAINT lot_has_coins CHECK (coins > 0),
    remaining        bigint       NOT NULL,
    held             bigint       NOT NULL DEFAULT 0,
    -- Indexed instead of `remaining`, so that spending from a lot updates it in place.
    open             boolean      NOT NULL,
    spent            bigint       NOT NULL DEFAULT 0,
    refunded         bigint       NOT NULL DEFAULT 0,
    charged_back     bigint       NOT NULL DEFAULT 0,
    paid_debts       bigint       NOT NULL DEFAULT 0,
    adjusted         bigint       NOT NULL DEFAULT 0,
    expired          bigint       NOT NULL DEFAULT 0,
    -- Its owner gave the lot up, and so all of its coins that could be spent.
    is_forfeit       boolean      NOT NULL DEFAULT false,
    forfeited        bigint       NOT NULL DEFAULT 0
                     CONSTRAINT lot_forfeits_what_was_given_up
                     CHECK (forfeited = 0 OR is_forfeit AND remaining = held),
    owed             bigint       NOT NULL DEFAULT 0,
    repaid           bigint       NOT NULL DEFAULT 0,
    revision         bigint       NOT NULL DEFAULT 0,
    price_minor      bigint       NOT NULL CONSTRAINT lot_price_known CHECK (price_minor >= 0),
    -- How much of the price is tax: it was never ours, so the coins are worth the rest.
    tax_minor        bigint       NOT NULL DEFAULT 0 CONSTRAINT lot_tax_is_part_of_the_price
                     CHECK (tax_minor BETWEEN 0 AND price_minor),
    currency         text         NOT NULL,
    channel          text         NOT NULL,
    country          text,
    diamond_rate_bp  integer      NOT NULL
                     CONSTRAINT lot_rate_known CHECK (diamond_rate_bp BETWEEN 0 AND 100000),
    funded_at        timestamptz  NOT NULL,
    expires_at       timestamptz,
    recorded_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_lot_a_kind_and_purchase UNIQUE (user_id, purchase, kind),
    CONSTRAINT lot_remains CHECK (remaining BETWEEN 0 AND coins),
    CONSTRAINT lot_open_while_it_remains CHECK (open = (remaining > 0)),
    CONSTRAINT lot_holds_what_remains CHECK (held BETWEEN 0 AND remaining),
    CONSTRAINT lot_adds_up CHECK (
        coins = remaining + spent + refunded + charged_back + paid_debts
            + adjusted + expired + forfeited
        AND least(spent, refunded, charged_back, paid_debts, adjusted, expired, forfeited) >= 0
    ),
    CONSTRAINT lot_owes_what_was_spent
        CHECK (0 <= repaid AND repaid <= owed AND owed <= spent + paid_debts),
    -- Paid coins never expire: Apple's guideline 3.1.1, and what people expect.
    CONSTRAINT only_promo_expires CHECK (expires_at IS NULL OR kind = 'promo')
) WITH (
    -- A batch of gifts updates all lots of a page: half of it is kept free for their new versions,
    -- or each would be written to another page and into every index.
    fillfactor = 50
);
CREATE INDEX lots_open ON lots (user_id) WHERE open;
CREATE INDEX lots_in_debt ON lots (user_id) WHERE owed > repaid;
CREATE INDEX lots_to_expire ON lots (expires_at) WHERE expires_at IS NOT NULL AND open;
GRANT SELECT, INSERT, UPDATE ON lots TO wallet;

-- What paid for which gift: the slices of lots.
CREATE VIEW slices AS
    SELECT user_id, number AS entry, gift, lot, coins
    FROM entries, unnest(lots, coalesce(slices, amounts[2:2])) AS slice (lot, coins)
    WHERE kind = 'gift';
-- A paid gift is told by its entry and its lots: its result is not stored.
CREATE OR REPLACE VIEW outcomes AS
    SELECT user_id, number, gift, coalesce(reference, 'gift:' || gift) AS reference, request_hash,
           kind, CASE WHEN result IS NULL AND kind = 'gift' THEN jsonb_build_object(
               'viewer', user_id, 'gift', gift, 'coins', -amounts[1],
               'balance_coins', balances_after[1],
               'slices', (
                   SELECT jsonb_agg(
                       jsonb_build_object('lot', slice.lot, 'kind', lots.kind,
                                          'coins', slice.coins,
                                          'diamond_rate_bp', lots.diamond_rate_bp)
                       ORDER BY position
                   )
                   FROM unnest(entries.lots, coalesce(slices, amounts[2:2])) WITH ORDINALITY
                       AS slice (lot, coins, position)
                   JOIN lots ON lots.user_id = entries.user_id AND lots.id = slice.lot
               )
           ) ELSE coalesce(result, '{}') END AS outcome,
           recorded_at
    FROM entries;
GRANT SELECT ON slices TO wallet;
"""

MONEY_BACK = """
-- The newest revision of each dispute; the purchase may not be known yet.
CREATE TABLE disputes (
    user_id        text     NOT NULL,
    purchase       uuid     NOT NULL,
    dispute        text     NOT NULL,
    revision       integer  NOT NULL,
    claimed_minor  bigint   NOT NULL CONSTRAINT dispute_claims CHECK (claimed_minor >= 0),
    -- Says whether the amount can be compared with the purchase's price.
    currency       text,
    PRIMARY KEY (user_id, purchase, dispute)
);
GRANT SELECT, INSERT, UPDATE ON disputes TO wallet;

-- Why coins are held: a refund under way, an early fraud warning.
CREATE TABLE holds (
    user_id         text    NOT NULL,
    hold_key        text    NOT NULL,
    purchase        uuid    NOT NULL,
    state           text    NOT NULL
                    CONSTRAINT hold_state_known CHECK (state IN ('held', 'released', 'voided')),
    -- What purchase.refunded says; NULL before it came.
    refunded_coins  bigint  CONSTRAINT refunded_is_counted CHECK (refunded_coins >= 0),
    PRIMARY KEY (user_id, hold_key)
);
CREATE INDEX holds_of_purchase ON holds (user_id, purchase);
GRANT SELECT, INSERT, UPDATE ON holds TO wallet;

CREATE TABLE held_coins (
    user_id         text    NOT NULL,
    hold_key        text    NOT NULL,
    lot             uuid    NOT NULL,
    coins           bigint  NOT NULL CONSTRAINT held_is_counted CHECK (coins >= 0),
    -- What the wallet answered the refund's request; NULL for warnings.
    answered_coins  bigint,
    refunded_coins  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, hold_key, lot),
    CONSTRAINT held_coins_are_counted CHECK (answered_coins >= 0 AND refunded_coins >= 0)
);
GRANT SELECT, INSERT, UPDATE ON held_coins TO wallet;

-- Which coins paid which debt, so that they go back where they came from.
CREATE TABLE repayments (
    user_id  text    NOT NULL,
    lot      uuid    NOT NULL,
    payer    uuid    NOT NULL,
    coins    bigint  NOT NULL CONSTRAINT settlement_is_counted CHECK (coins >= 0),
    PRIMARY KEY (user_id, lot, payer)
);
GRANT SELECT, INSERT, UPDATE ON repayments TO wallet;
"""

SPENDING_CONTROLS = """
-- Every limit that was ever set; of those in force, the last one counts.
CREATE TABLE limits (
    user_id  text         NOT NULL,
    number   bigint       GENERATED ALWAYS AS IDENTITY,
    period   text         NOT NULL
             CONSTRAINT limit_period_known CHECK (period IN ('gift', 'day', 'week', 'month')),
    unit     text         NOT NULL
             CONSTRAINT limit_unit_known CHECK (unit = 'coins' OR unit ~ '^[A-Z]{3}$'),
    set_by   text         NOT NULL
             CONSTRAINT limit_setter_known CHECK (set_by IN ('user', 'operator')),
    -- NULL: there is no such limit any more.
    amount   bigint       CONSTRAINT limit_is_counted CHECK (amount >= 0),
    set_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    from_at  timestamptz  NOT NULL,
    PRIMARY KEY (user_id, number)
);
GRANT SELECT, INSERT ON limits TO wallet;

CREATE TABLE spendings (
    user_id       text    NOT NULL,
    day           date    NOT NULL,
    currency      text    NOT NULL,
    coins         bigint  NOT NULL,
    amount_minor  bigint  NOT NULL,
    PRIMARY KEY (user_id, day, currency)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON spendings TO wallet;

CREATE TABLE exclusions (
    user_id          text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    until            timestamptz  NOT NULL,
    started_at       timestamptz  NOT NULL DEFAULT clock_timestamp(),
    ended_at         timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_exclusion_a_key UNIQUE (user_id, idempotency_key)
);
CREATE INDEX exclusions_running ON exclusions (until) WHERE ended_at IS NULL;
CREATE INDEX exclusions_of_user ON exclusions (user_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT ON exclusions TO wallet;
GRANT UPDATE (ended_at) ON exclusions TO wallet;

-- Whether an operator has stopped this wallet.
CREATE TABLE suspensions (
    user_id    text     PRIMARY KEY,
    suspended  boolean  NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON suspensions TO wallet;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS, LEDGER, SEALS, ADJUSTMENTS):
        run_sql(shared.format(role="wallet"))
    for own in (LOTS, MONEY_BACK, SPENDING_CONTROLS):
        run_sql(own)
