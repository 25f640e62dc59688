"""
The payout service's tables: earnings, and the payouts that turn them into money.

Two partial unique indexes are claims: a creator has one payout under way, and a payout one
attempt, even if two requests try to start a second at once.
"""

from shared.ledger.schema import ADJUSTMENTS, AUDIT, LEDGER, SEALS
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

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
    -- Of what was reversed: what the creator did not have any more.
    lost_diamonds      bigint       NOT NULL DEFAULT 0,
    occurred_at        timestamptz  NOT NULL,
    matures_at         timestamptz  NOT NULL,
    hold_reason        text         NOT NULL CONSTRAINT earning_hold_known
                       CHECK (hold_reason IN ('standard', 'new-creator', 'funding-risk')),
    matured            boolean      NOT NULL,
    anonymous          boolean      NOT NULL,
    PRIMARY KEY (creator, gift, slice),
    CONSTRAINT earning_rounded_down CHECK (diamonds = coins * rate_bp / 10000),
    CONSTRAINT earning_reversed_in_part CHECK (reversed_diamonds BETWEEN 0 AND diamonds),
    CONSTRAINT earning_lost_in_part CHECK (lost_diamonds BETWEEN 0 AND reversed_diamonds)
);
CREATE INDEX earnings_in_order ON earnings (creator, decision);
CREATE INDEX earnings_to_mature ON earnings (matures_at) WHERE NOT matured;
CREATE INDEX earnings_held ON earnings (creator, matures_at) WHERE NOT matured;
CREATE INDEX earnings_lost ON earnings (creator, decision) WHERE lost_diamonds > 0;
CREATE INDEX earnings_of_lot ON earnings (lot) WHERE NOT matured;
CREATE INDEX earnings_by_time ON earnings (occurred_at);
GRANT SELECT, INSERT, UPDATE ON earnings TO payout;

-- What the rules need to know about a creator, so that nothing has to be summed up.
CREATE TABLE creators (
    creator               text         PRIMARY KEY,
    -- At which the creator's free diamonds stand in the money books.
    rate_version          integer      NOT NULL,
    currency              text         NOT NULL,
    value_minor_per_1000  bigint       NOT NULL
                          CONSTRAINT creator_valued_at_a_rate CHECK (value_minor_per_1000 > 0),
    first_earned_at       timestamptz, -- NULL: diamonds came by corrections alone
    lifetime_diamonds     bigint       NOT NULL DEFAULT 0,
    maturings             bigint       NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON creators TO payout;

-- What the newest revision says, and the most that was ever reversed; the gift may not be known
-- yet.
CREATE TABLE reversals (
    creator          text         NOT NULL,
    gift             uuid         NOT NULL,
    lot              uuid         NOT NULL,
    revision         bigint       NOT NULL
                     CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins   bigint       NOT NULL
                     CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    most_coins       bigint       NOT NULL
                     CONSTRAINT reversal_most_counted CHECK (most_coins >= reversed_coins),
    newest_at        timestamptz  NOT NULL,
    restored_at      timestamptz,
    -- Tells a revision that comes after a newer one from one that comes again.
    known_revisions  bigint[]     NOT NULL,
    PRIMARY KEY (creator, gift, lot)
);
GRANT SELECT, INSERT, UPDATE ON reversals TO payout;

-- Diamonds that were taken back and came back: they mature on their own.
CREATE TABLE restorations (
    creator     text         NOT NULL,
    gift        uuid         NOT NULL,
    slice       smallint     NOT NULL,
    diamonds    bigint       NOT NULL,
    pending     bigint       NOT NULL,
    matures_at  timestamptz  NOT NULL,
    PRIMARY KEY (creator, gift, slice),
    CONSTRAINT restoration_pending_in_part CHECK (pending BETWEEN 0 AND diamonds)
);
CREATE INDEX restorations_to_mature ON restorations (matures_at) WHERE pending > 0;
CREATE INDEX restorations_held ON restorations (creator, matures_at) WHERE pending > 0;
GRANT SELECT, INSERT, UPDATE ON restorations TO payout;

-- Lots whose payment has an early fraud warning, and until when diamonds of the lot wait for it.
CREATE TABLE fraud_warnings (
    lot         uuid         PRIMARY KEY,
    flagged_at  timestamptz  NOT NULL,
    until       timestamptz  NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON fraud_warnings TO payout;
"""

PAYOUTS = """
CREATE TABLE payees (
    creator      text         PRIMARY KEY,
    provider     text         NOT NULL,
    destination  text         NOT NULL,
    changed_at   timestamptz  NOT NULL DEFAULT now(),
    revision     bigint       NOT NULL DEFAULT 1
                 CONSTRAINT payee_is_counted CHECK (revision > 0),
    changed_by   text,
    -- NULL: at once.
    usable_at    timestamptz,
    -- Whether a person has to review the next payout that goes there.
    unreviewed   boolean      NOT NULL DEFAULT false
);
GRANT SELECT, INSERT, UPDATE ON payees TO payout;

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
GRANT SELECT, INSERT, UPDATE ON quotes TO payout;

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
    state            text         NOT NULL CONSTRAINT payout_state_known CHECK (state IN (
                         'requested', 'held', 'approved', 'sent', 'paid', 'failed', 'returned',
                         'rejected'
                     )),
    version          integer      NOT NULL,
    requested_at     timestamptz  NOT NULL,
    correlation_id   text         NOT NULL,
    PRIMARY KEY (creator, id),
    CONSTRAINT one_payout_a_key UNIQUE (creator, idempotency_key),
    CONSTRAINT one_payout_a_quote UNIQUE (creator, quote)
);
CREATE UNIQUE INDEX one_open_payout_a_creator ON payouts (creator)
    WHERE state IN ('requested', 'held', 'approved', 'sent');
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

TRANSFERS = """
CREATE TABLE attempts (
    creator             text         NOT NULL,
    id                  uuid         NOT NULL,
    payout              uuid         NOT NULL,
    number              integer      NOT NULL,
    transfer            text,
    closed              boolean      NOT NULL DEFAULT false,
    checks              integer      NOT NULL DEFAULT 0,
    next_check_at       timestamptz,
    first_submitted_at  timestamptz,
    -- Since when only a person can find out the result.
    unresolved_at       timestamptz,
    -- The newest status poll whose answer was applied: an answer to an older one is refused.
    answered_check      integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (creator, id),
    CONSTRAINT attempts_are_numbered UNIQUE (creator, payout, number),
    CONSTRAINT attempt_answered_when_asked CHECK (answered_check <= checks)
);
CREATE UNIQUE INDEX one_open_attempt_a_payout ON attempts (creator, payout) WHERE NOT closed;
CREATE INDEX attempts_due ON attempts (next_check_at) WHERE next_check_at IS NOT NULL;
-- A provider's webhook event names the attempt and not its creator.
CREATE INDEX attempts_by_id ON attempts (id);
GRANT SELECT, INSERT, UPDATE ON attempts TO payout;

-- Where the provider says what cannot be, by the state we believed.
CREATE TABLE contradictions (
    creator  text         NOT NULL,
    payout   uuid         NOT NULL,
    attempt  uuid         NOT NULL,
    state    text         NOT NULL,
    status   text         NOT NULL CONSTRAINT contradiction_status_known
             CHECK (status IN ('submitted', 'paid', 'failed', 'returned', 'several')),
    at       timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, attempt, state, status)
);
GRANT SELECT, INSERT ON contradictions TO payout;

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
GRANT SELECT, INSERT ON webhook_events TO payout;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS, LEDGER, SEALS, AUDIT, ADJUSTMENTS):
        run_sql(shared.format(role="payout"))
    for own in (EARNINGS, PAYOUTS, TRANSFERS):
        run_sql(own)
