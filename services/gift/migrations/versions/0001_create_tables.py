"""
The gift service's tables of viewers: their gifts and combos, and what was taken back of them.

A gift's row is its own idempotency record, for ever, and final once it is sent or refused:
`decided_when_final` stops a bug that would finish it without an outcome.
"""

from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

GIFTS = """
CREATE TABLE gifts (
    viewer             text         NOT NULL,
    id                 uuid         NOT NULL,
    idempotency_key    text         NOT NULL,
    request_hash       bytea        NOT NULL,
    gift_type          text         NOT NULL,
    price_coins        bigint       NOT NULL CONSTRAINT gift_has_a_price CHECK (price_coins > 0),
    count              integer      NOT NULL CONSTRAINT gift_is_counted CHECK (count > 0),
    coins              bigint       NOT NULL,
    creator            text         NOT NULL,
    -- Why the creator may receive it.
    target             text         CONSTRAINT gift_target_known
                       CHECK (target IN ('room', 'token', 'anybody')),
    room               text,
    message            text,
    anonymous          boolean      NOT NULL,
    age_verified       smallint,
    state              text         NOT NULL DEFAULT 'requested'
                       CONSTRAINT gift_state_known
                       CHECK (state IN ('requested', 'sent', 'refused')),
    attempt            integer      NOT NULL DEFAULT 1,
    last_requested_at  timestamptz  NOT NULL,
    requested_at       timestamptz  NOT NULL,
    expires_at         timestamptz  NOT NULL,
    decided_at         timestamptz,
    -- When the wallet decided: the hour by which both services compare what they know.
    paid_at            timestamptz,
    correlation_id     text         NOT NULL,
    slices             jsonb,
    refusal            jsonb,
    reversed_coins     bigint       NOT NULL DEFAULT 0,
    -- Events published after the outcome: each is one version of the gift.
    reversal_facts     integer      NOT NULL DEFAULT 0,
    -- As the catalogue had it when the gift was requested.
    mode               text,
    -- Which combo the gift is part of, and what the combo came to with it. Written with the
    -- outcome: until then the running combo is the gift's.
    combo              uuid,
    repeat_count       bigint,
    combo_coins        bigint,
    -- NULL: it has no message, or one that was never decided about.
    message_state      text         CONSTRAINT message_state_known
                       CHECK (message_state IN ('held', 'shown', 'removed')),
    message_revision   bigint       NOT NULL DEFAULT 0,
    PRIMARY KEY (viewer, id),
    CONSTRAINT one_gift_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT gift_costs_price_times_count CHECK (coins = price_coins * count),
    CONSTRAINT viewer_is_not_creator CHECK (viewer <> creator),
    CONSTRAINT decided_when_final CHECK ((decided_at IS NULL) = (state = 'requested')),
    CONSTRAINT sent_with_slices CHECK ((slices IS NULL) = (state <> 'sent')),
    CONSTRAINT refused_with_reason CHECK ((refusal IS NULL) = (state <> 'refused')),
    CONSTRAINT reversed_in_part CHECK (reversed_coins BETWEEN 0 AND coins),
    CONSTRAINT only_sent_is_reversed CHECK (reversed_coins = 0 OR state = 'sent'),
    CONSTRAINT only_sent_is_counted CHECK (repeat_count IS NULL OR state = 'sent')
) WITH (fillfactor = 50);
-- An outcome changes no column of a B-tree, and its row stays on its page: PostgreSQL 16 and later
-- write no index then. Half of a page is left free, because a row grows by its slices.
CREATE INDEX gifts_by_time ON gifts (viewer, requested_at, id);
-- By the hour; gifts are decided in nearly the order in which they are stored.
CREATE INDEX gifts_by_decision ON gifts USING brin (decided_at, paid_at) WITH (autosummarize = on);
-- Which gift makes a viewer a creator's fan; it never changes.
CREATE INDEX gifts_of_fans ON gifts (viewer, creator) WHERE gift_type = 'g_pebble';
-- Where words are, for when they are erased.
CREATE INDEX gifts_with_message ON gifts (viewer) WHERE message IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON gifts TO gift;

-- Gifts in the state requested, which are few: written with the gift, deleted with its outcome.
CREATE TABLE open_gifts (
    viewer             text         NOT NULL,
    gift               uuid         NOT NULL,
    requested_at       timestamptz  NOT NULL,
    last_requested_at  timestamptz  NOT NULL,
    PRIMARY KEY (viewer, gift)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
GRANT SELECT, INSERT, UPDATE, DELETE ON open_gifts TO gift;

-- What the newest revision says of each lot that paid; a gift may not be known, or sent, yet.
CREATE TABLE reversals (
    viewer              text      NOT NULL,
    gift                uuid      NOT NULL,
    lot                 uuid      NOT NULL,
    revision            bigint    NOT NULL CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins      bigint    NOT NULL
                        CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    published_coins     bigint    NOT NULL DEFAULT 0,
    -- Tells a revision that comes after a newer one from one that comes again.
    known_revisions     bigint[],
    published_revision  bigint,
    PRIMARY KEY (viewer, gift, lot)
);
GRANT SELECT, INSERT, UPDATE ON reversals TO gift;

CREATE TABLE combos (
    viewer             text         NOT NULL,
    id                 uuid         NOT NULL,
    room               text         NOT NULL,
    creator            text         NOT NULL,
    gift_type          text         NOT NULL,
    anonymous          boolean      NOT NULL,
    target             text         CONSTRAINT combo_target_known
                       CHECK (target IN ('room', 'token', 'anybody')),
    started_at         timestamptz  NOT NULL,
    last_requested_at  timestamptz  NOT NULL,
    open_gifts         integer      NOT NULL
                       CONSTRAINT open_gifts_are_counted CHECK (open_gifts >= 0),
    sent_gifts         integer      NOT NULL DEFAULT 0,
    repeat_count       bigint       NOT NULL DEFAULT 0,
    coins              bigint       NOT NULL DEFAULT 0,
    ended_at           timestamptz,
    correlation_id     text         NOT NULL,
    PRIMARY KEY (viewer, id),
    -- Stops a bug that would end a combo too early.
    CONSTRAINT over_when_none_is_open CHECK (ended_at IS NULL OR open_gifts = 0)
) WITH (fillfactor = 50);
-- Finds the combo of an open gift, and keeps two instances from starting two. Both columns that
-- change with every tap stay out of it, so that a tap changes no index.
CREATE UNIQUE INDEX one_running_combo ON combos (viewer, room, creator, gift_type, anonymous)
    WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON combos TO gift;

-- Where the message of a creator's gift is, and whether it waits for approval: beside the gift,
-- whose outcome and whose message are decided under one lock.
CREATE TABLE messages (
    creator     text         NOT NULL,
    gift        uuid         NOT NULL,
    viewer      text         NOT NULL,
    held_at     timestamptz,
    decided_at  timestamptz,
    decided_by  text,
    PRIMARY KEY (creator, gift),
    CONSTRAINT decision_has_a_decider CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
CREATE INDEX messages_waiting ON messages (creator, held_at, gift)
    WHERE held_at IS NOT NULL AND decided_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON messages TO gift;

-- What the newest revision says of each viewer: some gifts are for some levels only.
CREATE TABLE gifter_levels (
    viewer    text     PRIMARY KEY,
    revision  bigint   NOT NULL,
    level     integer  NOT NULL CONSTRAINT level_is_counted CHECK (level >= 0)
);
GRANT SELECT, INSERT, UPDATE ON gifter_levels TO gift;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, EVENT_ARCHIVE, QUOTAS):
        run_sql(shared.format(role="gift"))
    run_sql(GIFTS)
