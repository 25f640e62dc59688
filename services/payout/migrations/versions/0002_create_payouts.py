"""
Payees, quotes and payouts.

A partial unique index is a claim: a creator has one payout under way, even if two requests try to
start a second at once.
"""

from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

PAYOUTS = """
CREATE TABLE payees (
    creator            text         NOT NULL,
    currency           text         NOT NULL
                       CONSTRAINT payee_of_a_currency CHECK (currency ~ '^[A-Z]{3}$'),
    provider           text         NOT NULL,
    destination        text         NOT NULL,
    country            text,
    -- Under which onboarding created the account. NULL: the creator entered the destination.
    account            uuid,
    changed_at         timestamptz  NOT NULL DEFAULT now(),
    -- Counts the payees of the creator, of all currencies.
    revision           bigint       NOT NULL DEFAULT 1
                       CONSTRAINT payee_is_counted CHECK (revision > 0),
    changed_by         text,
    -- NULL: at once.
    usable_at          timestamptz,
    -- Whether a person has to review the next payout that goes there.
    unreviewed         boolean      NOT NULL DEFAULT false,
    -- What the provider says of the account.
    verification       text         NOT NULL DEFAULT 'unverified'
                       CONSTRAINT payee_verification_known CHECK (verification IN (
                           'unverified', 'pending', 'verified', 'restricted'
                       )),
    tax_form           text         NOT NULL DEFAULT 'missing'
                       CONSTRAINT payee_tax_form_known CHECK (tax_form IN (
                           'missing', 'submitted', 'accepted'
                       )),
    tax_form_kind      text,
    requirements       text[]       NOT NULL DEFAULT '{}',
    payouts_enabled    boolean      NOT NULL DEFAULT false,
    -- When the account is read again, how often it was, and the newest reading that was applied.
    next_read_at       timestamptz,
    reads              integer      NOT NULL DEFAULT 0,
    applied_read       integer      NOT NULL DEFAULT 0,
    -- What the lists of sanctions say of the holder's name, and which lists ('': none yet).
    screening          text         NOT NULL DEFAULT 'unscreened'
                       CONSTRAINT payee_screening_known CHECK (screening IN (
                           'unscreened', 'clear', 'match'
                       )),
    list_version       text         NOT NULL DEFAULT '',
    screened_at        timestamptz,
    PRIMARY KEY (creator, currency),
    CONSTRAINT one_payee_a_revision UNIQUE (creator, revision),
    CONSTRAINT payee_read_when_asked CHECK (applied_read <= reads)
);
CREATE INDEX payees_to_read ON payees (next_read_at) WHERE next_read_at IS NOT NULL;
-- A provider's webhook event names the account and not its creator.
CREATE INDEX payees_by_account ON payees (provider, destination);
CREATE INDEX payees_by_list ON payees (list_version);
CREATE INDEX payees_with_match ON payees (screened_at) WHERE screening = 'match';
GRANT SELECT, INSERT, UPDATE ON payees TO payout;

CREATE TABLE quotes (
    creator          text         NOT NULL,
    id               uuid         NOT NULL,
    diamonds         bigint       NOT NULL CONSTRAINT quote_of_diamonds CHECK (diamonds > 0),
    -- What the diamonds are worth in the books, and what arrives of it in the payee's currency.
    value_minor      bigint       NOT NULL CONSTRAINT quote_of_value CHECK (value_minor > 0),
    value_currency   text         NOT NULL,
    amount_minor     bigint       NOT NULL CONSTRAINT quote_of_money CHECK (amount_minor > 0),
    fee_minor        bigint       NOT NULL CONSTRAINT quote_fee_known CHECK (fee_minor >= 0),
    currency         text         NOT NULL,
    -- The operator's rate, and from which day it counts; NULL: nothing is exchanged.
    exchange_ppm     bigint,
    exchanged_as_of  date,
    rate_version     integer      NOT NULL,
    expires_at       timestamptz  NOT NULL,
    payout           uuid,
    PRIMARY KEY (creator, id),
    CONSTRAINT quote_exchanged_or_not CHECK (
        (currency = value_currency) = (exchange_ppm IS NULL)
        AND (exchange_ppm IS NULL) = (exchanged_as_of IS NULL)
    )
);
GRANT SELECT, INSERT, UPDATE ON quotes TO payout;

CREATE TABLE payouts (
    creator          text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    quote            uuid         NOT NULL,
    diamonds         bigint       NOT NULL CONSTRAINT payout_of_diamonds CHECK (diamonds > 0),
    value_minor      bigint       NOT NULL CONSTRAINT payout_of_value CHECK (value_minor > 0),
    value_currency   text         NOT NULL,
    amount_minor     bigint       NOT NULL CONSTRAINT payout_of_money CHECK (amount_minor > 0),
    fee_minor        bigint       NOT NULL CONSTRAINT payout_fee_known CHECK (fee_minor >= 0),
    currency         text         NOT NULL,
    rate_version     integer      NOT NULL,
    provider         text         NOT NULL,
    destination      text         NOT NULL,
    state            text         NOT NULL CONSTRAINT payout_state_known CHECK (state IN (
                         'requested', 'held', 'approved', 'sent', 'paid', 'failed', 'returned',
                         'rejected'
                     )),
    version          integer      NOT NULL,
    requested_at     timestamptz  NOT NULL,
    correlation_id   text         NOT NULL,
    -- What came back after it was paid, in all.
    returned_minor   bigint       NOT NULL DEFAULT 0 CONSTRAINT payout_returned_within
                     CHECK (returned_minor BETWEEN 0 AND amount_minor),
    -- Of the creator, as the token said it; NULL: it did not.
    country          text,
    PRIMARY KEY (creator, id),
    CONSTRAINT one_payout_a_key UNIQUE (creator, idempotency_key),
    CONSTRAINT one_payout_a_quote UNIQUE (creator, quote)
);
CREATE UNIQUE INDEX one_open_payout_a_creator ON payouts (creator)
    WHERE state IN ('requested', 'held', 'approved', 'sent');
-- An operator has the id of a payout and not its creator.
CREATE INDEX payouts_by_id ON payouts (id);
CREATE INDEX payouts_by_time ON payouts (creator, requested_at);
CREATE INDEX payouts_approved ON payouts (requested_at) WHERE state = 'approved';
GRANT SELECT, INSERT, UPDATE ON payouts TO payout;

-- Of a payout that was paid after it had failed: what the creator did not have any more.
CREATE TABLE payout_losses (
    creator        text    NOT NULL,
    payout         uuid    NOT NULL,
    lost_diamonds  bigint  NOT NULL CONSTRAINT payout_loss_counted CHECK (lost_diamonds >= 0),
    PRIMARY KEY (creator, payout)
);
GRANT SELECT, INSERT, UPDATE ON payout_losses TO payout;

CREATE TABLE payout_states (
    creator  text         NOT NULL,
    payout   uuid         NOT NULL,
    version  integer      NOT NULL,
    state    text         NOT NULL,
    reason   text,
    at       timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, version)
);
GRANT SELECT, INSERT ON payout_states TO payout;
"""


def upgrade() -> None:
    run_sql(PAYOUTS)
