"""
Bring rooms to life: streams, leaderboards by period, levels, supporters, goals, perks, thanks.

A rebuild of live empties the tables that follow from gifts: scores, totals, supporters, reversals,
goal_gifters; every gift has to be counted again. The others are live's own. `gifters` and `goals`
are both: their coins are counted again, but what was published of them stays, and so does the feed,
which people have seen.

The feed neither names anonymous viewers nor has gifts outside of rooms, so older gifts cannot be
counted from it. Where there are some, this migration begins a rebuild: each gift counts when it is
received again, no feed shows it again, and nothing is published until `rebuild live` has
republished all of them.
"""

from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

COUNTED = """
CREATE TABLE gifts (
    gift       uuid         PRIMARY KEY,
    room       text,
    viewer     text         NOT NULL,
    creator    text         NOT NULL,
    coins      bigint       NOT NULL CONSTRAINT gift_of_coins CHECK (coins > 0),
    anonymous  boolean      NOT NULL,
    sent_at    timestamptz  NOT NULL,
    stream     uuid,
    -- The rebuild that counted it first, and the one that counted it last; 0: before any.
    first_generation  integer  NOT NULL,
    generation        integer  NOT NULL
);
-- A goal that begins in the past is rare, and may search; an index by creator costs every gift.
CREATE INDEX gifts_by_time ON gifts USING brin (sent_at);

-- A gift given outside of any room has lots as well.
ALTER TABLE reversals DROP CONSTRAINT reversals_pkey;
ALTER TABLE reversals ALTER COLUMN room DROP NOT NULL;
ALTER TABLE reversals ADD PRIMARY KEY (gift, lot);

-- `all`, `day:2026-01-05`, `week:2026-W02`, `stream:<id>`.
ALTER TABLE scores ADD COLUMN period text NOT NULL DEFAULT 'all';
ALTER TABLE scores ALTER COLUMN period DROP DEFAULT;
ALTER TABLE scores DROP CONSTRAINT scores_pkey;
ALTER TABLE scores ADD PRIMARY KEY (room, period, viewer);
DROP INDEX scores_ranked;
CREATE INDEX scores_ranked ON scores (room, period, coins DESC, first_at, viewer);

CREATE TABLE totals (
    room     text    NOT NULL,
    period   text    NOT NULL,
    gifts    bigint  NOT NULL,
    coins    bigint  NOT NULL,
    gifters  bigint  NOT NULL,
    PRIMARY KEY (room, period)
) WITH (fillfactor = 50);

CREATE TABLE supporters (
    creator   text         NOT NULL,
    viewer    text         NOT NULL,
    gifts     bigint       NOT NULL,
    coins     bigint       NOT NULL,
    first_at  timestamptz  NOT NULL,
    PRIMARY KEY (creator, viewer)
) WITH (fillfactor = 70);

-- `level` and `revision` are what was published.
CREATE TABLE gifters (
    viewer    text      PRIMARY KEY,
    gifts     bigint    NOT NULL,
    coins     bigint    NOT NULL,
    level     smallint  NOT NULL DEFAULT 0 CONSTRAINT level_is_one_of_ours
                        CHECK (level BETWEEN 0 AND 50),
    revision  bigint    NOT NULL DEFAULT 0,
    hidden    boolean   NOT NULL DEFAULT false
) WITH (fillfactor = 70);
-- Few viewers hide, and every leaderboard asks for them.
CREATE INDEX gifters_hidden ON gifters (viewer) WHERE hidden;

-- Gifts are given to the stream that was open when they were sent, so no stream may begin or end
-- before the last gift that was counted.
ALTER TABLE rooms ADD COLUMN last_sent_at timestamptz;

-- The feed shows more than gifts; what it shows is about one of something, once.
ALTER TABLE feed ADD COLUMN kind text NOT NULL DEFAULT 'gift';
ALTER TABLE feed ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE feed RENAME COLUMN gift TO subject;
ALTER TABLE feed DROP CONSTRAINT one_entry_a_gift;
-- Of gifts `gifts` sees to that, without another index on the way of each.
CREATE UNIQUE INDEX one_entry_a_subject ON feed (room, kind, subject) WHERE kind <> 'gift';

GRANT SELECT, INSERT, UPDATE ON gifts, totals, supporters, gifters TO live;
"""
# Who gave anonymously is learned when the gift is counted again.
SHOWN_BEFORE = """
INSERT INTO gifts (gift, room, viewer, creator, coins, anonymous, sent_at,
    first_generation, generation)
SELECT subject, room, coalesce(shown->>'viewer', ''), shown->>'creator',
    (shown->>'coins')::bigint, (shown->>'anonymous')::boolean,
    (shown->>'sent_at')::timestamptz, 0, 0
FROM feed ON CONFLICT DO NOTHING;

TRUNCATE scores;
UPDATE rooms SET gifts = 0, coins = 0;

INSERT INTO rebuilds (began_at, last_received_at, phase)
SELECT now(), now(), 'counting' WHERE EXISTS (SELECT FROM gifts);
"""
OWN = """
CREATE TABLE room_owners (
    room      text    PRIMARY KEY,
    creator   text,  -- NULL: released by an operator; the next creator who opens it owns it
    guests    text[]  NOT NULL DEFAULT '{}',
    openings  bigint  NOT NULL DEFAULT 0
);

CREATE TABLE streams (
    stream     uuid         PRIMARY KEY,
    room       text         NOT NULL,
    number     bigint       NOT NULL,
    creator    text         NOT NULL,
    title      text,
    opened_at  timestamptz  NOT NULL,
    closed_at  timestamptz  CONSTRAINT stream_ends_after_it_began CHECK (closed_at > opened_at),
    UNIQUE (room, number)
);
CREATE UNIQUE INDEX one_open_stream_a_room ON streams (room) WHERE closed_at IS NULL;

CREATE TABLE goals (
    goal            uuid         PRIMARY KEY,
    creator         text         NOT NULL,
    room            text,
    title           text         NOT NULL,
    target_coins    bigint       NOT NULL CONSTRAINT goal_of_coins CHECK (target_coins > 0),
    starts_at       timestamptz  NOT NULL,
    ends_at         timestamptz  CONSTRAINT goal_ends_after_it_began CHECK (ends_at > starts_at),
    created_at      timestamptz  NOT NULL DEFAULT now(),
    removed_at      timestamptz,
    progress_coins  bigint       NOT NULL DEFAULT 0 CONSTRAINT progress_is_counted
                                 CHECK (progress_coins >= 0),
    contributors    bigint       NOT NULL DEFAULT 0,
    reached         boolean      NOT NULL DEFAULT false,
    revision        bigint       NOT NULL DEFAULT 0
);
CREATE INDEX goals_of_creators ON goals (creator) WHERE removed_at IS NULL;
CREATE INDEX goals_of_rooms ON goals (room) WHERE removed_at IS NULL;

CREATE TABLE goal_gifters (
    goal    uuid    NOT NULL,
    viewer  text    NOT NULL,
    coins   bigint  NOT NULL,
    PRIMARY KEY (goal, viewer)
);

CREATE TABLE perks (
    perk             uuid         PRIMARY KEY,
    creator          text         NOT NULL,
    kind             text         NOT NULL CONSTRAINT perk_is_of_a_kind CHECK (
        kind IN ('shout_out', 'behind_the_scenes', 'exclusive_chat', 'custom')
    ),
    title            text         NOT NULL,
    description      text,
    threshold_coins  bigint       NOT NULL CONSTRAINT perk_has_a_price CHECK (threshold_coins > 0),
    uses             integer      CONSTRAINT perk_can_be_used CHECK (uses > 0),
    created_at       timestamptz  NOT NULL DEFAULT now(),
    removed_at       timestamptz
);
CREATE INDEX perks_of_creators ON perks (creator);

CREATE TABLE entitlements (
    entitlement      uuid         PRIMARY KEY,
    perk             uuid         NOT NULL REFERENCES perks,
    creator          text         NOT NULL,
    viewer           text         NOT NULL,
    -- As it was when it was unlocked: what a creator changes later does not take it away.
    threshold_coins  bigint       NOT NULL,
    uses             integer,
    used             integer      NOT NULL DEFAULT 0 CONSTRAINT used_no_more_than_there_is
                                  CHECK (used >= 0 AND used <= uses),
    withdrawn        boolean      NOT NULL DEFAULT false,
    revision         bigint       NOT NULL DEFAULT 1,
    unlocked_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT used_is_not_withdrawn CHECK (used = 0 OR NOT withdrawn),
    UNIQUE (perk, viewer)
);
CREATE INDEX entitlements_of_gifters ON entitlements (viewer, unlocked_at);
CREATE INDEX entitlements_of_supporters ON entitlements (creator, viewer);

CREATE TABLE uses (
    entitlement      uuid         NOT NULL REFERENCES entitlements,
    idempotency_key  text         NOT NULL,
    used_at          timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (entitlement, idempotency_key)
);

CREATE TABLE thanks (
    gift       uuid         PRIMARY KEY,
    room       text         NOT NULL,
    creator    text         NOT NULL,
    viewer     text         NOT NULL,
    message    text,
    thanked_at timestamptz  NOT NULL DEFAULT now()
);

-- When live was last rebuilt. While gifts are counted again nothing is published; what differs from
-- what was published is published afterwards.
CREATE TABLE rebuilds (
    only_one    boolean      PRIMARY KEY DEFAULT true CONSTRAINT one_rebuild CHECK (only_one),
    began_at    timestamptz  NOT NULL,
    -- When the last republished event was in the queue, and when the last one was received.
    filled_at   timestamptz,
    last_received_at  timestamptz  NOT NULL,
    generation  integer      NOT NULL DEFAULT 1,
    phase       text         NOT NULL CONSTRAINT rebuild_has_a_phase
                             CHECK (phase IN ('counting', 'publishing', 'done'))
);

GRANT SELECT, INSERT, UPDATE
    ON room_owners, streams, goals, goal_gifters, perks, entitlements TO live;
GRANT SELECT, INSERT ON uses, thanks TO live;
GRANT SELECT, UPDATE ON rebuilds TO live;
"""


def upgrade() -> None:
    run_sql(COUNTED)
    run_sql(OWN)
    run_sql(SHOWN_BEFORE)
