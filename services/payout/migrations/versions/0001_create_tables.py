"""The payout service's ledger, messages and quotas, and the earnings of creators."""

from shared.ledger.schema import ADJUSTMENTS, LEDGER, SEALS
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

EARNINGS = """
-- Of a whole that several parties share, the part of the last one of these: each takes its share
-- of what those before have left, rounded down. All shares together are 10000 basis points.
CREATE FUNCTION share_of(whole bigint, shares_bp integer[]) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        WITH RECURSIVE turns (turn, taken, rest, rest_bp) AS (
            SELECT 0, whole, whole, 10000
            UNION ALL
            SELECT turn + 1, rest * shares_bp[turn + 1] / rest_bp,
                   rest - rest * shares_bp[turn + 1] / rest_bp, rest_bp - shares_bp[turn + 1]
            FROM turns WHERE turn < cardinality(shares_bp)
        )
        SELECT taken FROM turns WHERE turn = cardinality(shares_bp)
    );

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
    -- Of a gift that is shared: the creator who received it (NULL: this one), and the shares of
    -- the parties up to this one.
    shared_by          text,
    shares_bp          integer[],
    -- What was given, how many pieces of it, where, and in which combo; NULL: it was not said.
    gift_type          text,
    count              integer      CONSTRAINT earning_of_pieces CHECK (count > 0),
    room               text,
    combo              uuid,
    PRIMARY KEY (creator, gift, slice),
    CONSTRAINT earning_rounded_down CHECK (
        diamonds = CASE WHEN shares_bp IS NULL THEN coins * rate_bp / 10000
                   ELSE share_of(coins * rate_bp / 10000, shares_bp) END
    ),
    CONSTRAINT earning_shared_with_others CHECK (
        shared_by IS NULL OR (shared_by <> creator AND shares_bp IS NOT NULL)
    ),
    CONSTRAINT earning_reversed_in_part CHECK (reversed_diamonds BETWEEN 0 AND diamonds),
    CONSTRAINT earning_lost_in_part CHECK (lost_diamonds BETWEEN 0 AND reversed_diamonds)
);
CREATE INDEX earnings_in_order ON earnings (creator, decision);
CREATE INDEX earnings_to_mature ON earnings (matures_at) WHERE NOT matured;
CREATE INDEX earnings_held ON earnings (creator, matures_at) WHERE NOT matured;
CREATE INDEX earnings_lost ON earnings (creator, decision) WHERE lost_diamonds > 0;
CREATE INDEX earnings_of_lot ON earnings (lot) WHERE NOT matured;
CREATE INDEX earnings_matured_of_lot ON earnings (lot) WHERE matured;
CREATE INDEX earnings_by_time ON earnings (occurred_at);
CREATE INDEX earnings_of_creator ON earnings (creator, occurred_at);
CREATE INDEX earnings_shared ON earnings (shared_by, gift) WHERE shared_by IS NOT NULL;
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
    maturings             bigint       NOT NULL DEFAULT 0,
    -- Up to which month and entry the creator's statements are closed.
    closed_until          date         NOT NULL DEFAULT '1970-01-01',
    closed_entry          bigint       NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX creators_to_close ON creators (closed_until, creator);
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
    -- Of a share whose gift another part has: the creator who received it.
    shared_by        text,
    PRIMARY KEY (creator, gift, lot)
);
CREATE INDEX reversals_by_time ON reversals (creator, newest_at);
GRANT SELECT, INSERT, UPDATE ON reversals TO payout;

-- Shares of a creator's gifts whose parties are in other parts, and were told of them.
CREATE TABLE sent_shares (
    creator    text       NOT NULL,
    gift       uuid       NOT NULL,
    party      text       NOT NULL,
    -- Those of the parties up to this one.
    shares_bp  integer[]  NOT NULL,
    PRIMARY KEY (creator, gift, party)
);
GRANT SELECT, INSERT ON sent_shares TO payout;

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
CREATE INDEX fraud_warnings_by_time ON fraud_warnings (flagged_at);
GRANT SELECT, INSERT, UPDATE ON fraud_warnings TO payout;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS, LEDGER, SEALS, ADJUSTMENTS):
        run_sql(shared.format(role="payout"))
    run_sql(EARNINGS)
