"""
The purchase service's tables: purchases, the money that came for them, refunds and disputes.

The money books are the same ledger that keeps coins: its accounts are all the operator's own, and
a viewer's row is only what locks and numbers their decisions.

The CHECKs repeat rules that the domain already enforces. That is the point: the domain explains
a refusal to a person, the constraint stops a bug.
"""

from shared.ledger.schema import ADJUSTMENTS, AUDIT, LEDGER
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
    bonus_coins      bigint       NOT NULL
                     CONSTRAINT purchase_bonus_known CHECK (bonus_coins >= 0),
    amount_minor     bigint       NOT NULL CONSTRAINT purchase_has_price CHECK (amount_minor > 0),
    currency         text         NOT NULL
                     CONSTRAINT purchase_currency_known CHECK (currency ~ '^[A-Z]{3}$'),
    channel          text         NOT NULL
                     CONSTRAINT purchase_channel_known CHECK (channel IN ('web')),
    country          text
                     CONSTRAINT purchase_country_known CHECK (country ~ '^[A-Z]{2}$'),
    provider         text         NOT NULL,
    correlation_id   text         NOT NULL,
    state            text         NOT NULL CONSTRAINT purchase_state_known CHECK (state IN (
                         'created', 'pending', 'paid', 'completed', 'failed', 'expired',
                         'mismatched'
                     )),
    payment          text,
    next_action_url  text,
    late             boolean      NOT NULL DEFAULT false,
    -- How many events were published about it: the sequence of the newest.
    version          bigint       NOT NULL DEFAULT 0
                     CONSTRAINT purchase_version_counts CHECK (version >= 0),
    created_at       timestamptz  NOT NULL,
    expires_at       timestamptz  NOT NULL,
    paid_at          timestamptz,
    credited_at      timestamptz,
    next_check_at    timestamptz,
    checks           integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (viewer, id),
    CONSTRAINT one_purchase_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT purchase_pending_is_payable
        CHECK (state <> 'pending' OR (payment IS NOT NULL AND next_action_url IS NOT NULL)),
    CONSTRAINT purchase_paid_by_a_payment
        CHECK ((state IN ('paid', 'completed')) = (paid_at IS NOT NULL)
               AND (paid_at IS NULL OR payment IS NOT NULL)),
    CONSTRAINT purchase_completed_is_credited
        CHECK ((state = 'completed') = (paid_at IS NOT NULL AND credited_at IS NOT NULL)),
    CONSTRAINT purchase_late_once_money_came
        CHECK (NOT late OR state IN ('paid', 'completed', 'mismatched')),
    -- Nothing open is ever forgotten, nothing decided is polled for ever.
    CONSTRAINT purchase_followed_while_open
        CHECK ((state IN ('created', 'pending')) = (next_check_at IS NOT NULL))
);
-- A provider's webhook event names the purchase and not its viewer.
CREATE INDEX purchases_by_id ON purchases (id);
CREATE INDEX purchases_by_time ON purchases (viewer, created_at, id);
CREATE INDEX purchases_due ON purchases (next_check_at) WHERE next_check_at IS NOT NULL;
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

PROVIDERS = """
CREATE TABLE webhook_events (
    provider       text         NOT NULL,
    webhook_id     text         NOT NULL,
    kind           text         NOT NULL,
    payload_hash   bytea        NOT NULL,
    payment        text,
    reference      text,
    viewer         text,
    purchase       uuid,
    received_at    timestamptz  NOT NULL,
    applied_at     timestamptz,
    next_check_at  timestamptz,
    checks         integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, webhook_id),
    CONSTRAINT webhook_event_matches_a_purchase CHECK ((viewer IS NULL) = (purchase IS NULL)),
    CONSTRAINT webhook_event_applied_is_done
        CHECK (applied_at IS NULL OR next_check_at IS NULL)
);
CREATE INDEX webhook_events_due ON webhook_events (next_check_at) WHERE next_check_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON webhook_events TO purchase;

-- The newest answer that was applied: one that may be older changes nothing.
CREATE TABLE provider_answers (
    viewer            text         NOT NULL,
    purchase          uuid         NOT NULL,
    payment           text         NOT NULL,
    sequence          bigint,
    asked_at          timestamptz,
    answered_at       timestamptz,
    -- The provider did something for us then: an answer to an earlier poll may not know of it.
    ignored_before    timestamptz,
    fee_minor         bigint       CONSTRAINT answer_fee_known CHECK (fee_minor >= 0),
    given_back_minor  bigint       NOT NULL CONSTRAINT answer_given_back_known
                      CHECK (given_back_minor >= 0),
    entries           integer      NOT NULL CONSTRAINT answer_entries_count CHECK (entries >= 0),
    PRIMARY KEY (viewer, purchase, payment),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT, UPDATE ON provider_answers TO purchase;
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
CREATE INDEX refunds_open ON refunds (state)
    WHERE state IN ('requested', 'frozen') OR (state = 'refunded' AND voided_at IS NULL);
GRANT SELECT, INSERT, UPDATE ON refunds TO purchase;

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
    PRIMARY KEY (viewer, purchase, dispute),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE INDEX disputes_open ON disputes (recorded_at) WHERE state = 'open';
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
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS, LEDGER, AUDIT, ADJUSTMENTS):
        run_sql(shared.format(role="purchase"))
    for own in (PURCHASES, PROVIDERS, MONEY_BACK):
        run_sql(own)
