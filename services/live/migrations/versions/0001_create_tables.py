"""
Live's tables: what rooms show and count, what creators and viewers do there, and their names.

A rebuild of live empties the tables that follow from gifts: scores, totals, supporters, reversals,
goal_gifters; every gift has to be counted again. The others are live's own. `gifters` and `goals`
are both: their coins are counted again, but what was published of them stays, and so does the feed,
which people have seen.
"""

from shared.ledger.schema import AUDIT
from shared.messaging.schema import MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

COUNTED = """
CREATE TABLE rooms (
    room          text         PRIMARY KEY,
    sequence      bigint       NOT NULL DEFAULT 0,
    gifts         bigint       NOT NULL DEFAULT 0
                  CONSTRAINT room_gifts_counted CHECK (gifts >= 0),
    coins         bigint       NOT NULL DEFAULT 0
                  CONSTRAINT room_coins_counted CHECK (coins >= 0),
    -- Gifts are given to the stream that was open when they were sent, so no stream may begin or
    -- end before the last gift that was counted.
    last_sent_at  timestamptz
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON rooms TO live;

-- What a room showed; a viewer can resume anywhere. Entries are never rewritten, so a reader looks
-- up their messages in `messages`. Other kinds than gifts show an object once.
CREATE TABLE feed (
    room      text    NOT NULL,
    sequence  bigint  NOT NULL,
    kind      text    NOT NULL,
    subject   uuid    NOT NULL,
    shown     json    NOT NULL,  -- as it was written: watchers get the same bytes from here
    PRIMARY KEY (room, sequence)
);
-- `gifts` does the same for gifts, so each gift has one index less to change.
CREATE UNIQUE INDEX one_entry_a_subject ON feed (room, kind, subject) WHERE kind <> 'gift';
-- Where words are, for when they are erased.
CREATE INDEX feed_gift_words ON feed (subject)
    WHERE kind = 'gift' AND (shown ->> 'message') IS NOT NULL;
CREATE INDEX feed_shown_words ON feed ((shown ->> 'gift')) WHERE kind = 'message';
GRANT SELECT, INSERT ON feed TO live;

-- Its primary key makes counting a gift twice impossible; live has no inbox rows.
CREATE TABLE gifts (
    gift              uuid         PRIMARY KEY,
    room              text,
    viewer            text         NOT NULL,
    creator           text         NOT NULL,
    coins             bigint       NOT NULL CONSTRAINT gift_of_coins CHECK (coins > 0),
    anonymous         boolean      NOT NULL,
    sent_at           timestamptz  NOT NULL,
    stream            uuid,
    -- False: its creator was not in its room, so it counts nowhere.
    belongs           boolean      NOT NULL DEFAULT true,
    -- The rebuild that counted it first, and the one that counted it last; 0: before any.
    first_generation  integer      NOT NULL,
    generation        integer      NOT NULL
);
CREATE INDEX gifts_by_time ON gifts USING brin (sent_at);
CREATE INDEX gifts_by_creator ON gifts (creator, sent_at);
GRANT SELECT, INSERT, UPDATE ON gifts TO live;

-- Which coins of a gift lost their money: rooms count what is worth something.
CREATE TABLE reversals (
    gift            uuid    NOT NULL,
    lot             uuid    NOT NULL,
    room            text,   -- NULL: the gift was given outside of any room
    revision        bigint  NOT NULL CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins  bigint  NOT NULL CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    PRIMARY KEY (gift, lot)
);
GRANT SELECT, INSERT, UPDATE ON reversals TO live;

CREATE TABLE scores (
    room      text         NOT NULL,
    period    text         NOT NULL,  -- `all`, `day:2026-01-05`, `week:2026-W02`, `stream:<id>`
    viewer    text         NOT NULL,
    gifts     bigint       NOT NULL CONSTRAINT score_of_gifts CHECK (gifts > 0),
    -- 0: everything the viewer gave has lost its money.
    coins     bigint       NOT NULL CONSTRAINT score_of_coins CHECK (coins >= 0),
    first_at  timestamptz  NOT NULL,
    PRIMARY KEY (room, period, viewer)
);
CREATE INDEX scores_ranked ON scores (room, period, coins DESC, first_at, viewer);
GRANT SELECT, INSERT, UPDATE ON scores TO live;

CREATE TABLE totals (
    room     text    NOT NULL,
    period   text    NOT NULL,
    gifts    bigint  NOT NULL,
    coins    bigint  NOT NULL,
    gifters  bigint  NOT NULL,
    PRIMARY KEY (room, period)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON totals TO live;

-- Open gifts alone.
CREATE TABLE supporters (
    creator   text         NOT NULL,
    viewer    text         NOT NULL,
    gifts     bigint       NOT NULL,
    coins     bigint       NOT NULL,
    first_at  timestamptz  NOT NULL,
    PRIMARY KEY (creator, viewer)
) WITH (fillfactor = 70);
CREATE INDEX supporters_by_viewer ON supporters (viewer);
GRANT SELECT, INSERT, UPDATE ON supporters TO live;

-- `level` and `revision` are what was published. Others see the level of `open_coins`, and of
-- nothing else; the job `open-levels` corrects it from `supporters`.
CREATE TABLE gifters (
    viewer      text      PRIMARY KEY,
    gifts       bigint    NOT NULL,
    coins       bigint    NOT NULL,
    open_coins  bigint    NOT NULL DEFAULT 0,
    level       smallint  NOT NULL DEFAULT 0
                CONSTRAINT level_is_one_of_ours CHECK (level BETWEEN 0 AND 50),
    revision    bigint    NOT NULL DEFAULT 0,
    hidden      boolean   NOT NULL DEFAULT false
) WITH (fillfactor = 70);
-- Few viewers hide, and every leaderboard asks for them.
CREATE INDEX gifters_hidden ON gifters (viewer) WHERE hidden;
GRANT SELECT, INSERT, UPDATE ON gifters TO live;

-- When live was last rebuilt. While gifts are counted again nothing is published; what differs from
-- what was published is published afterwards.
CREATE TABLE rebuilds (
    only_one          boolean      PRIMARY KEY DEFAULT true CONSTRAINT one_rebuild CHECK (only_one),
    began_at          timestamptz  NOT NULL,
    -- When the last republished event was in the queue, and when the last one was received.
    filled_at         timestamptz,
    last_received_at  timestamptz  NOT NULL,
    generation        integer      NOT NULL DEFAULT 1,
    phase             text         NOT NULL CONSTRAINT rebuild_has_a_phase
                      CHECK (phase IN ('counting', 'publishing', 'done'))
);
GRANT SELECT, UPDATE ON rebuilds TO live;
"""

ROOMS = """
CREATE TABLE room_owners (
    room         text         PRIMARY KEY,
    creator      text,  -- NULL: released by an operator; the next creator who opens it owns it
    guests       text[]       NOT NULL DEFAULT '{}',
    openings     bigint       NOT NULL DEFAULT 0,
    -- Counts the room's changes; 0: none was published yet.
    revision     bigint       NOT NULL DEFAULT 0,
    -- Since when the room has its owner, or none.
    owned_since  timestamptz
);
CREATE INDEX rooms_by_owner ON room_owners (creator);
GRANT SELECT, INSERT, UPDATE ON room_owners TO live;

-- When guests were in a room: only gifts to its owner and its guests count there. A guest without a
-- stay counts as always there.
CREATE TABLE guest_stays (
    room       text         NOT NULL,
    guest      text         NOT NULL,
    joined_at  timestamptz  NOT NULL,
    left_at    timestamptz  CONSTRAINT guest_leaves_after_joining CHECK (left_at > joined_at),
    PRIMARY KEY (room, guest, joined_at)
);
CREATE UNIQUE INDEX one_open_stay_a_guest ON guest_stays (room, guest) WHERE left_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON guest_stays TO live;

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
-- Which stream a gift was given to; the streams of a room do not overlap.
CREATE INDEX streams_by_end ON streams (room, (coalesce(closed_at, 'infinity')));
CREATE UNIQUE INDEX one_open_stream_a_room ON streams (room) WHERE closed_at IS NULL;
CREATE INDEX streams_open ON streams (creator) WHERE closed_at IS NULL;
CREATE INDEX streams_of_creator ON streams (creator, opened_at);
CREATE INDEX streams_with_title ON streams (creator) WHERE title IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON streams TO live;

-- The decisions about messages, without the text of removed ones.
CREATE TABLE messages (
    gift      uuid    PRIMARY KEY,
    revision  bigint  NOT NULL CONSTRAINT message_decision_is_numbered CHECK (revision > 0),
    message   text    -- NULL: removed
);
GRANT SELECT, INSERT, UPDATE ON messages TO live;

CREATE TABLE thanks (
    gift        uuid         PRIMARY KEY,
    room        text         NOT NULL,
    creator     text         NOT NULL,
    viewer      text         NOT NULL,
    message     text,
    thanked_at  timestamptz  NOT NULL DEFAULT now()
);
CREATE INDEX thanks_by_creator ON thanks (creator) WHERE message IS NOT NULL;
CREATE INDEX thanks_by_viewer ON thanks (viewer) WHERE message IS NOT NULL;
GRANT SELECT, INSERT ON thanks TO live;
"""

PEOPLE = """
-- How people are shown, as their tokens say it: nothing else reads it, and it is erased with them.
CREATE TABLE people (
    user_id   text         PRIMARY KEY,
    name      text         CONSTRAINT name_is_short CHECK (char_length(name) BETWEEN 1 AND 80),
    picture   text         CONSTRAINT picture_is_short CHECK (char_length(picture) <= 2048),
    -- When the token was made that says so.
    noted_at  timestamptz  NOT NULL,
    CONSTRAINT person_is_shown_somehow CHECK (name IS NOT NULL OR picture IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON people TO live;
"""

REWARDS = """
-- A goal that begins in the past is there at once, and a backfill adds its earlier gifts without
-- the lock that new gifts wait for. Until then `backfill_attempt` is not 0, and reversals may
-- exceed its coins.
CREATE TABLE goals (
    goal              uuid         PRIMARY KEY,
    creator           text         NOT NULL,
    room              text,
    title             text         NOT NULL,
    target_coins      bigint       NOT NULL CONSTRAINT goal_of_coins CHECK (target_coins > 0),
    starts_at         timestamptz  NOT NULL,
    ends_at           timestamptz
                      CONSTRAINT goal_ends_after_it_began CHECK (ends_at > starts_at),
    created_at        timestamptz  NOT NULL DEFAULT now(),
    removed_at        timestamptz,
    progress_coins    bigint       NOT NULL DEFAULT 0,
    contributors      bigint       NOT NULL DEFAULT 0,
    reached           boolean      NOT NULL DEFAULT false,
    revision          bigint       NOT NULL DEFAULT 0,
    backfill_attempt  integer      NOT NULL DEFAULT 0
                      CONSTRAINT backfill_is_attempted CHECK (backfill_attempt >= 0),
    CONSTRAINT progress_is_counted CHECK (progress_coins >= 0 OR backfill_attempt > 0)
);
CREATE INDEX goals_of_creators ON goals (creator) WHERE removed_at IS NULL;
CREATE INDEX goals_of_rooms ON goals (room) WHERE removed_at IS NULL;
CREATE INDEX goals_by_creation ON goals (creator, created_at);
CREATE INDEX goals_backfilling ON goals (created_at) WHERE backfill_attempt > 0;
GRANT SELECT, INSERT, UPDATE ON goals TO live;

CREATE TABLE goal_gifters (
    goal    uuid    NOT NULL,
    viewer  text    NOT NULL,
    coins   bigint  NOT NULL,
    PRIMARY KEY (goal, viewer)
);
GRANT SELECT, INSERT, UPDATE ON goal_gifters TO live;

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
    removed_at       timestamptz,
    -- The last earlier supporter who was entitled to it; NULL: all were.
    backfill_after   text
);
CREATE INDEX perks_of_creators ON perks (creator);
CREATE INDEX perks_backfilling ON perks (perk) WHERE backfill_after IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON perks TO live;

CREATE TABLE entitlements (
    entitlement      uuid         PRIMARY KEY,
    perk             uuid         NOT NULL REFERENCES perks,
    creator          text         NOT NULL,
    viewer           text         NOT NULL,
    -- As it was when it was unlocked: what a creator changes later does not take it away.
    threshold_coins  bigint       NOT NULL,
    uses             integer,
    used             integer      NOT NULL DEFAULT 0
                     CONSTRAINT used_no_more_than_there_is CHECK (used >= 0 AND used <= uses),
    withdrawn        boolean      NOT NULL DEFAULT false,
    revision         bigint       NOT NULL DEFAULT 1,
    unlocked_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT used_is_not_withdrawn CHECK (used = 0 OR NOT withdrawn),
    UNIQUE (perk, viewer)
);
CREATE INDEX entitlements_of_gifters ON entitlements (viewer, unlocked_at);
CREATE INDEX entitlements_of_supporters ON entitlements (creator, viewer);
GRANT SELECT, INSERT, UPDATE ON entitlements TO live;

CREATE TABLE uses (
    entitlement      uuid         NOT NULL REFERENCES entitlements,
    idempotency_key  text         NOT NULL,
    used_at          timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (entitlement, idempotency_key)
);
GRANT SELECT, INSERT ON uses TO live;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, QUOTAS, AUDIT):
        run_sql(shared.format(role="live"))
    for own in (COUNTED, ROOMS, PEOPLE, REWARDS):
        run_sql(own)
