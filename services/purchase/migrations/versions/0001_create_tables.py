"""
The purchase service's tables: purchases, the money that came for them, refunds and disputes.

The money books are the same ledger that keeps coins: its accounts are all the operator's own, and
a viewer's row is only what locks and numbers their decisions.

The CHECKs repeat rules that the domain already enforces. That is the point: the domain explains
a refusal to a person, the constraint stops a bug.
"""

from shared.ledger.schema import ADJUSTMENTS, LEDGER
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

PURCHASES = """
CREATE TABLE purchases (
    viewer           text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    package          text         NOT NULL,
    coins            bigint       NOT NULL CONSTRAINT purchase_has_coins CHECK (coins > 0),
    bonus_coins      bigint       NOT NULL CONSTRAINT purchase_bonus_known CHECK (bonus_coins >= 0),
    amount_minor     bigint       NOT NULL CONSTRAINT purchase_has_price CHECK (amount_minor > 0),
    currency         text         NOT NULL
                     CONSTRAINT purchase_currency_known CHECK (currency ~ '^[A-Z]{3}$'),
    channel          text         NOT NULL
                     CONSTRAINT purchase_channel_known CHECK (channel IN ('web', 'ios', 'android')),
    country          text         CONSTRAINT purchase_country_known CHECK (country ~ '^[A-Z]{2}$'),
    provider         text         NOT NULL,
    correlation_id   text         NOT NULL,
    state            text         NOT NULL CONSTRAINT purchase_state_known CHECK (state IN
                    ('created', 'pending', 'paid', 'completed', 'failed', 'expired', 'mismatched')),
    payment          text,
    next_action_url  text,
    late             boolean      NOT NULL DEFAULT false,
    -- How many events were published about it: the sequence of the newest.
    version          bigint       NOT NULL DEFAULT 0
                     CONSTRAINT purchase_version_counts CHECK (version >= 0),
    created_at       timestamptz  NOT NULL,
    expires_at       timestamptz  NOT NULL,
    paid_at          timestamptz,
    -- Tells the card or account it was paid with from others; null if the provider does not say.
    payment_fingerprint  text     CONSTRAINT purchase_fingerprint_known
                     CHECK (payment_fingerprint ~ '^[0-9a-f]{32}$'),
    credited_at      timestamptz,
    -- What the price holds of a country's tax, decided when the money came.
    tax_country      text         CONSTRAINT purchase_tax_country_known
                     CHECK (tax_country ~ '^[A-Z]{2}$'),
    tax_kind         text,
    tax_rate_bp      integer,
    tax_minor        bigint       NOT NULL DEFAULT 0,
    tax_payer        text         CONSTRAINT purchase_tax_payer_known
                     CHECK (tax_payer IN ('operator', 'store')),
    withdrawn_at     timestamptz,
    -- What a store sells for the package, at its own price; null where we set the price.
    product          text,
    consumption_consent  boolean  NOT NULL DEFAULT false,
    withdrawal_days  smallint     CONSTRAINT purchase_withdrawal_days_known
                     CHECK (withdrawal_days > 0),
    -- Promised with it, and lost if it is given up.
    first_purchase_coins  bigint  NOT NULL DEFAULT 0,
    promo_coins      bigint       NOT NULL DEFAULT 0,
    promo_days       integer      NOT NULL DEFAULT 0,
    -- Which campaign promised them, and its promise: both are in the schema of reference.
    campaign         text,
    promise          uuid,
    -- Where the viewer was by their internet address, if the host application says so.
    ip_country       text         CONSTRAINT purchase_ip_country_known
                     CHECK (ip_country ~ '^[A-Z]{2}$'),
    -- What its price counts as in the currency of the purchase rules.
    counted_minor    bigint       NOT NULL DEFAULT 0
                     CONSTRAINT purchase_counts CHECK (counted_minor >= 0),
    next_check_at    timestamptz,
    checks           integer      NOT NULL DEFAULT 0,
    -- When its provider is asked whether its money is still here; null once that is over.
    watch_at         timestamptz,
    PRIMARY KEY (viewer, id),
    CONSTRAINT one_purchase_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT purchase_pending_is_payable
        CHECK (state <> 'pending' OR (payment IS NOT NULL AND next_action_url IS NOT NULL)),
    CONSTRAINT purchase_paid_by_a_payment
        CHECK ((state IN ('paid', 'completed')) = (paid_at IS NOT NULL)
               AND (paid_at IS NULL OR payment IS NOT NULL)),
    CONSTRAINT purchase_completed_is_credited
        CHECK ((state = 'completed') = (paid_at IS NOT NULL AND credited_at IS NOT NULL)),
    CONSTRAINT purchase_promises_coins CHECK (least(first_purchase_coins, promo_coins) >= 0
        AND (promo_coins = 0
            OR (campaign IS NOT NULL AND promise IS NOT NULL AND promo_days > 0))),
    CONSTRAINT purchase_given_up_promises_nothing CHECK ((NOT late AND state NOT IN
        ('failed', 'expired', 'mismatched')) OR (first_purchase_coins = 0 AND promo_coins = 0)),
    CONSTRAINT purchase_tax_is_part_of_the_price CHECK (
        CASE WHEN tax_payer IS NULL THEN tax_minor = 0 AND tax_rate_bp IS NULL
            ELSE tax_minor BETWEEN 0 AND amount_minor AND tax_rate_bp > 0 AND paid_at IS NOT NULL
                AND num_nulls(tax_country, tax_kind) = 0 END
    ),
    CONSTRAINT purchase_late_once_money_came
        CHECK (NOT late OR state IN ('paid', 'completed', 'mismatched')),
    CONSTRAINT purchase_watched_once_paid CHECK (watch_at IS NULL OR paid_at IS NOT NULL),
    CONSTRAINT purchase_withdrawn_once_paid
        CHECK (withdrawn_at IS NULL OR (paid_at IS NOT NULL AND withdrawal_days IS NOT NULL)),
    -- Nothing open is ever forgotten, nothing decided is polled for ever.
    CONSTRAINT purchase_followed_while_open
        CHECK ((state IN ('created', 'pending')) = (next_check_at IS NOT NULL))
);
-- A provider's webhook event names the purchase and not its viewer; its id names the part.
CREATE INDEX purchases_by_id ON purchases (id);
CREATE INDEX purchases_by_time ON purchases (viewer, created_at, id);
CREATE INDEX purchases_by_campaign ON purchases (campaign) WHERE promo_coins > 0;
CREATE UNIQUE INDEX one_promotion ON purchases (viewer, campaign) WHERE promo_coins > 0;
CREATE UNIQUE INDEX one_first_purchase ON purchases (viewer) WHERE first_purchase_coins > 0;
CREATE INDEX purchases_due ON purchases (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX purchases_watched ON purchases (provider, watch_at) WHERE watch_at IS NOT NULL;
CREATE INDEX purchases_by_payment_time ON purchases (paid_at) WHERE paid_at IS NOT NULL;
-- Waiting rows, for the gauges, every few seconds; so are the other two `..._open`.
CREATE INDEX purchases_open ON purchases (state) WHERE state IN ('created', 'pending', 'paid');
GRANT SELECT, INSERT, UPDATE ON purchases TO purchase;

CREATE TABLE payments (
    viewer        text         NOT NULL,
    purchase      uuid         NOT NULL,
    payment       text         NOT NULL,
    allocation    text         NOT NULL CONSTRAINT payment_allocation_known
                  CHECK (allocation IN ('applied', 'mismatched', 'overpayment')),
    amount_minor  bigint       NOT NULL CONSTRAINT payment_amount_known CHECK (amount_minor >= 0),
    currency      text         NOT NULL,
    paid_at       timestamptz  NOT NULL,
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (viewer, purchase, payment),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
-- However many webhook events, retries and payments: coins are owed once.
CREATE UNIQUE INDEX one_applied_payment_a_purchase ON payments (viewer, purchase)
    WHERE allocation = 'applied';
GRANT SELECT, INSERT ON payments TO purchase;

CREATE TABLE exclusions (
    viewer     text         NOT NULL,
    exclusion  uuid         NOT NULL,
    until      timestamptz  NOT NULL,
    ended      boolean      NOT NULL,
    PRIMARY KEY (viewer, exclusion)
);
GRANT SELECT, INSERT, UPDATE ON exclusions TO purchase;
"""

MONEY_BACK = """
-- What was sent may have been made, even if the answer was lost; so a refund keeps when the
-- provider was first asked, what it calls the refund, and since when a person has to find out.
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
    tax_minor        bigint       NOT NULL DEFAULT 0 CONSTRAINT refund_tax_is_part_of_it
                     CHECK (tax_minor BETWEEN 0 AND amount_minor),
    currency         text         NOT NULL,
    reason           text,
    requested_at     timestamptz  NOT NULL,
    decided_at       timestamptz,
    voided_at        timestamptz,
    next_check_at    timestamptz,
    checks           integer      NOT NULL DEFAULT 0,
    submitted_at     timestamptz,
    provider_refund  text,
    unresolved_at    timestamptz,
    -- Polled again although it is decided, for money may come back, or go after all; a number of
    -- looks ends it.
    look_at          timestamptz,
    looks            integer      NOT NULL DEFAULT 0
                     CONSTRAINT refund_looks_count CHECK (looks >= 0),
    PRIMARY KEY (viewer, purchase, id),
    CONSTRAINT one_refund_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT refund_of_something
        CHECK (state NOT IN ('frozen', 'refunded') OR (coins > 0 AND amount_minor > 0)),
    CONSTRAINT refund_declined_with_reason CHECK ((state = 'declined') = (reason IS NOT NULL)),
    CONSTRAINT refund_followed_while_open
        CHECK ((state = 'frozen') = (next_check_at IS NOT NULL)),
    CONSTRAINT refund_looked_at_once_decided
        CHECK (look_at IS NULL OR state IN ('refunded', 'declined')),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE UNIQUE INDEX one_open_refund_a_purchase ON refunds (viewer, purchase)
    WHERE state IN ('requested', 'frozen');
CREATE INDEX refunds_by_id ON refunds (id);
CREATE INDEX refunds_due ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX refunds_to_look_at ON refunds (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX refunds_owed ON refunds (decided_at)
    WHERE state = 'declined' AND reason NOT IN ('nothing-unused', 'disputed');
CREATE INDEX refunds_open ON refunds (state)
    WHERE state IN ('requested', 'frozen') OR (state = 'refunded' AND voided_at IS NULL);
GRANT SELECT, INSERT, UPDATE ON refunds TO purchase;

CREATE TABLE withdrawals (
    viewer           text         NOT NULL,
    purchase         uuid         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    consumer_name    text         NOT NULL,
    reply_to         text,
    received_at      timestamptz  NOT NULL,
    period_ends_at   timestamptz  NOT NULL,
    refund           uuid,
    reason           text,
    PRIMARY KEY (viewer, purchase),
    CONSTRAINT one_withdrawal_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT withdrawal_was_in_time CHECK (received_at < period_ends_at),
    CONSTRAINT withdrawal_has_refund_or_reason CHECK (num_nonnulls(refund, reason) = 1),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT ON withdrawals TO purchase;

CREATE TABLE disputes (
    viewer        text         NOT NULL,
    purchase      uuid         NOT NULL,
    dispute       text         NOT NULL,
    payment       text         NOT NULL,
    state         text         NOT NULL
                  CONSTRAINT dispute_state_known CHECK (state IN ('open', 'won', 'lost')),
    reason        text         NOT NULL,
    amount_minor  bigint       NOT NULL CONSTRAINT dispute_amount_known CHECK (amount_minor >= 0),
    currency      text         NOT NULL,
    -- A bank may change its mind any number of times; each published change is a revision.
    revision      smallint     NOT NULL CONSTRAINT dispute_revision_counts CHECK (revision >= 0),
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    -- Until when the provider takes evidence, if it says so; no money moves because of it.
    evidence_due_at     timestamptz,
    evidence_submitted  boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (viewer, purchase, dispute),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE INDEX disputes_open ON disputes (evidence_submitted, evidence_due_at, recorded_at, dispute)
    INCLUDE (currency, amount_minor) WHERE state = 'open';
CREATE INDEX disputes_closed ON disputes (recorded_at DESC, dispute) WHERE state <> 'open';
GRANT SELECT, INSERT, UPDATE ON disputes TO purchase;

CREATE TABLE warnings (
    viewer       text         NOT NULL,
    purchase     uuid         NOT NULL,
    warning      text         NOT NULL,
    reason       text         NOT NULL,
    recorded_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (viewer, purchase, warning),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT ON warnings TO purchase;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS, LEDGER, ADJUSTMENTS):
        run_sql(shared.format(role="purchase"))
    for own in (PURCHASES, MONEY_BACK):
        run_sql(own)
