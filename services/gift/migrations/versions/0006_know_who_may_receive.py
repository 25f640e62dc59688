"""
Know who may receive gifts: rooms and who is in them, what creators allow, and held messages.

`read_admissions` is a function so that intake needs one statement: it waits for whoever changes the
rules of a creator or a room to end, and only then reads them, with a snapshot of its own. In one
plain statement the snapshot would be from before the wait.
"""

from alembic import op

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"

ROOMS = """
-- All that the newest revision says of a room.
CREATE TABLE rooms (
    room      text     PRIMARY KEY,
    revision  bigint   NOT NULL CONSTRAINT room_revision_is_counted CHECK (revision >= 0),
    creator   text     NOT NULL,
    guests    text[]   NOT NULL CONSTRAINT room_has_few_guests CHECK (cardinality(guests) <= 100),
    stream    uuid,    -- NULL: no stream was heard of yet
    is_open   boolean  NOT NULL,
    opened_at timestamptz,
    CONSTRAINT open_room_has_a_stream CHECK (stream IS NOT NULL OR NOT is_open)
);

CREATE TABLE creator_rules (
    creator        text         PRIMARY KEY,
    gifts_off      boolean      NOT NULL DEFAULT false,
    hold_messages  boolean      NOT NULL DEFAULT false,
    changed_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    changed_by     text         NOT NULL
);

-- A creator takes no gifts in this stream; if they own its room, nobody there does.
CREATE TABLE streams_without_gifts (
    creator   text         NOT NULL,
    stream    uuid         NOT NULL,
    made_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    made_by   text         NOT NULL,
    PRIMARY KEY (creator, stream)
);

CREATE TABLE blocks (
    creator  text         NOT NULL,
    viewer   text         NOT NULL,
    until    timestamptz,  -- NULL: for ever
    made_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    made_by  text         NOT NULL,
    PRIMARY KEY (creator, viewer),
    CONSTRAINT blocked_is_not_blocker CHECK (viewer <> creator)
);

-- Where the message of a creator's gift is, and whether it waits for approval.
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

ALTER TABLE gifts
    -- Why the creator may receive it.
    ADD COLUMN target            text,
    -- NULL: it has no message, or one that was never decided about.
    ADD COLUMN message_state     text,
    ADD COLUMN message_revision  bigint  NOT NULL DEFAULT 0,
    ADD CONSTRAINT gift_target_known
        CHECK (target IN ('room', 'token', 'anybody')) NOT VALID,
    ADD CONSTRAINT message_state_known
        CHECK (message_state IN ('held', 'shown', 'removed')) NOT VALID;

ALTER TABLE combos
    ADD COLUMN target  text,
    ADD CONSTRAINT combo_target_known
        CHECK (target IN ('room', 'token', 'anybody')) NOT VALID;

GRANT SELECT, INSERT, UPDATE ON rooms, creator_rules, messages TO gift;
GRANT SELECT, INSERT, DELETE ON streams_without_gifts TO gift;
GRANT SELECT, INSERT, UPDATE, DELETE ON blocks TO gift;
"""
# The keys are those of store/admissions.py.
READ_ADMISSIONS = """
CREATE FUNCTION read_admissions(asked_viewers text[], asked_creators text[], asked_rooms text[])
RETURNS TABLE (
    room_is_open boolean, belongs boolean, is_off boolean, is_blocked boolean, holds boolean
)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock_shared(place.key) FROM (
        SELECT DISTINCT hashtextextended(named.kind || named.name, 0) AS key
        FROM (
            SELECT 'creator:' AS kind, name FROM unnest(asked_creators) AS creator (name)
            UNION ALL
            SELECT 'room:', name FROM unnest(asked_rooms) AS room (name) WHERE name IS NOT NULL
        ) AS named
        ORDER BY key
    ) AS place;
    RETURN QUERY
    SELECT coalesce(rooms.is_open, false),
        coalesce(rooms.is_open AND asked.creator = ANY(rooms.guests || rooms.creator), false),
        coalesce(rules.gifts_off, false) OR rooms.is_open IS TRUE AND EXISTS (
            SELECT FROM streams_without_gifts AS off
            WHERE off.stream = rooms.stream AND off.creator IN (asked.creator, rooms.creator)
        ),
        EXISTS (
            SELECT FROM blocks
            WHERE blocks.creator = asked.creator AND blocks.viewer = asked.viewer
              AND (blocks.until IS NULL OR blocks.until > clock_timestamp())
        ),
        coalesce(rules.hold_messages, false)
    FROM unnest(asked_viewers, asked_creators, asked_rooms)
        WITH ORDINALITY AS asked (viewer, creator, room, place)
    LEFT JOIN rooms ON rooms.room = asked.room
    LEFT JOIN creator_rules AS rules ON rules.creator = asked.creator
    ORDER BY asked.place;
END
$$;
"""


def upgrade() -> None:
    run_sql(ROOMS)
    # As it is: `run_sql` takes a script apart at each semicolon.
    op.get_bind().exec_driver_sql(READ_ADMISSIONS)
