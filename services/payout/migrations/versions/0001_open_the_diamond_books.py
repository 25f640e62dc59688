"""
Open the diamond books: earnings, and the payouts that turn them into money.

Two partial unique indexes are claims: a creator has one payout under way, and a payout one
attempt, whoever tries to start a second.
"""

from shared.ledger.schema import LEDGER_RIGHTS_V1, LEDGER_V1
from shared.messaging.schema import MAILBOX_RIGHTS_V1, MAILBOXES_V1
from shared.postgres.migrate import run_sql

revision = "0001"
down_revision = None

EARNINGS = """
CREATE TABLE earnings (
    creator            text         NOT NULL,
    gift               uuid         NOT NULL,
    slice              smallint     NOT NULL,
    decision           bigint       NOT NULL,
    viewer             text         NOT NULL,
    lot                uuid         NOT NULL,
    lot_kind           text         NOT NULL,
    coins              bigint       NOT NULL CONSTRAINT earning_of_coins CHECK (coins > 0),
    rate_bp            integer      NOT NULL CONSTRAINT earning_rate_known CHECK (rate_bp >= 0),
    diamonds           bigint       NOT NULL,
    reversed_diamonds  bigint       NOT NULL DEFAULT 0,
    occurred_at        timestamptz  NOT NULL,
    matures_at         timestamptz  NOT NULL,
    PRIMARY KEY (creator, gift, slice),
    CONSTRAINT earning_rounded_down CHECK (diamonds = coins * rate_bp / 10000),
    CONSTRAINT earning_reversed_in_part
        CHECK (reversed_diamonds BETWEEN 0 AND diamonds)
);
CREATE INDEX earnings_in_order ON earnings (creator, decision);

GRANT SELECT, INSERT, UPDATE ON earnings TO payout;
"""

PAYOUTS = """
CREATE TABLE payees (
    creator      text         PRIMARY KEY,
    provider     text         NOT NULL,
    destination  text         NOT NULL,
    changed_at   timestamptz  NOT NULL DEFAULT now()
);

CREATE TABLE quotes (
    creator       text         NOT NULL,
    id            uuid         NOT NULL,
    diamonds      bigint       NOT NULL CONSTRAINT quote_of_diamonds CHECK (diamonds > 0),
    amount_minor  bigint       NOT NULL CONSTRAINT quote_of_money CHECK (amount_minor > 0),
    fee_minor     bigint       NOT NULL CONSTRAINT quote_fee_known CHECK (fee_minor >= 0),
    currency      text         NOT NULL,
    rate_version  integer      NOT NULL,
    expires_at    timestamptz  NOT NULL,
    payout        uuid,
    PRIMARY KEY (creator, id)
);

CREATE TABLE payouts (
    creator          text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    quote            uuid         NOT NULL,
    diamonds         bigint       NOT NULL CONSTRAINT payout_of_diamonds CHECK (diamonds > 0),
    amount_minor     bigint       NOT NULL CONSTRAINT payout_of_money CHECK (amount_minor > 0),
    fee_minor        bigint       NOT NULL CONSTRAINT payout_fee_known CHECK (fee_minor >= 0),
    currency         text         NOT NULL,
    rate_version     integer      NOT NULL,
    provider         text         NOT NULL,
    destination      text         NOT NULL,
    state            text         NOT NULL
                     CONSTRAINT payout_state_known CHECK (state IN
                         ('requested', 'approved', 'sent', 'paid', 'failed', 'returned')),
    version          integer      NOT NULL,
    requested_at     timestamptz  NOT NULL,
    correlation_id   text         NOT NULL,
    PRIMARY KEY (creator, id),
    CONSTRAINT one_payout_a_key UNIQUE (creator, idempotency_key),
    CONSTRAINT one_payout_a_quote UNIQUE (creator, quote)
);
CREATE UNIQUE INDEX one_open_payout_a_creator ON payouts (creator)
    WHERE state IN ('requested', 'approved', 'sent');
CREATE INDEX payouts_approved ON payouts (requested_at) WHERE state = 'approved';

CREATE TABLE payout_states (
    creator  text         NOT NULL,
    payout   uuid         NOT NULL,
    version  integer      NOT NULL,
    state    text         NOT NULL,
    reason   text,
    at       timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, version)
);

CREATE TABLE attempts (
    creator        text         NOT NULL,
    id             uuid         NOT NULL,
    payout         uuid         NOT NULL,
    number         integer      NOT NULL,
    transfer       text,
    closed         boolean      NOT NULL DEFAULT false,
    checks         integer      NOT NULL DEFAULT 0,
    next_check_at  timestamptz,
    PRIMARY KEY (creator, id),
    CONSTRAINT attempts_are_numbered UNIQUE (creator, payout, number)
);
CREATE UNIQUE INDEX one_open_attempt_a_payout ON attempts (creator, payout) WHERE NOT closed;
CREATE INDEX attempts_due ON attempts (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX attempts_by_id ON attempts (id);

CREATE TABLE webhook_events (
    id            bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text         NOT NULL,
    webhook_id    text         NOT NULL,
    kind          text         NOT NULL,
    attempt       uuid,
    payload_hash  bytea        NOT NULL,
    received_at   timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT one_webhook_event_each UNIQUE (provider, webhook_id)
);

GRANT SELECT, INSERT, UPDATE ON payees, quotes, payouts, attempts TO payout;
GRANT SELECT, INSERT ON payout_states, webhook_events TO payout;
"""


def upgrade() -> None:
    run_sql(MAILBOXES_V1)
    run_sql(MAILBOX_RIGHTS_V1.format(role="payout"))
    run_sql(LEDGER_V1)
    run_sql(LEDGER_RIGHTS_V1.format(role="payout"))
    run_sql(EARNINGS)
    run_sql(PAYOUTS)
