"""
Open the till: purchases, the money that came for them, its disputes, and webhook events.

The CHECKs repeat rules that the domain already enforces. That is the point: the domain explains
a refusal to a person, the constraint stops a bug.
"""

from shared.messaging.schema import MAILBOX_RIGHTS_V1, MAILBOXES_V1
from shared.postgres.migrate import run_sql

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
    -- How many facts were published about it: the sequence of the newest.
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

CREATE TABLE payments (
    viewer        text         NOT NULL,
    purchase      uuid         NOT NULL,
    payment       text         NOT NULL,
    allocation      text         NOT NULL CONSTRAINT payment_allocation_known
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
    -- What was published: 0 nothing, 1 that it was opened, 2 that it was closed.
    revision      smallint     NOT NULL CONSTRAINT dispute_revision_follows_state
                  CHECK (revision = 0 OR revision = CASE state WHEN 'open' THEN 1 ELSE 2 END),
    recorded_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (viewer, purchase, dispute),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);

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

GRANT SELECT, INSERT, UPDATE ON purchases, disputes, webhook_events TO purchase;
GRANT SELECT, INSERT ON payments TO purchase;
"""


def upgrade() -> None:
    run_sql(MAILBOXES_V1)
    run_sql(MAILBOX_RIGHTS_V1.format(role="purchase"))
    run_sql(PURCHASES)
