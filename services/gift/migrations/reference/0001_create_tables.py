"""
What is of no single viewer: the catalogue, and who may receive gifts.

Rooms and what creators allow are here, and not with their creators: a gift is taken in under their
locks, whoever gives it.
"""

from alembic import op

from shared.ledger.schema import AUDIT
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import has_several_parts, run_sql

revision = "0001"
down_revision = None

CATALOGUE = """
-- One row, whose revision tells every instance that something changed; each change locks it.
CREATE TABLE catalogue (
    is_the_one  boolean  PRIMARY KEY DEFAULT true
                CONSTRAINT one_catalogue CHECK (is_the_one),
    revision    bigint   NOT NULL DEFAULT 0
);
INSERT INTO catalogue DEFAULT VALUES;
GRANT SELECT, UPDATE ON catalogue TO gift;

-- A gift is never deleted: its id is in gifts and events for ever.
CREATE TABLE gift_types (
    -- As short as the ids of others who show our gifts must be.
    id             text         PRIMARY KEY
                   CONSTRAINT gift_id_is_short CHECK (id ~ '^[a-z0-9_]{1,20}$'),
    revision       bigint       NOT NULL CONSTRAINT change_is_numbered CHECK (revision > 0),
    names          jsonb        NOT NULL CONSTRAINT gift_has_a_name CHECK (names ? 'en'),
    descriptions   jsonb        NOT NULL,
    price_version  integer      NOT NULL,
    mode           text         NOT NULL
                   CONSTRAINT gift_mode_known CHECK (mode IN ('streak', 'single')),
    category       text         NOT NULL,
    batch_counts   jsonb        NOT NULL,
    count_max      integer      NOT NULL
                   CONSTRAINT count_is_bounded CHECK (count_max BETWEEN 1 AND 999),
    sort           integer      NOT NULL,
    is_active      boolean      NOT NULL,
    locks          jsonb        NOT NULL,
    icon_url       text,
    animations     jsonb        NOT NULL,
    extension      jsonb        NOT NULL,
    changed_at     timestamptz  NOT NULL,
    changed_by     text         NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON gift_types TO gift;

-- Every price a gift ever had, and the operator who set it.
CREATE TABLE prices (
    gift_type    text         NOT NULL REFERENCES gift_types,
    version      integer      NOT NULL CONSTRAINT price_is_numbered CHECK (version > 0),
    price_coins  bigint       NOT NULL CONSTRAINT price_is_one CHECK (price_coins > 0),
    operator     text         NOT NULL,
    valid_from   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (gift_type, version)
);
GRANT SELECT, INSERT ON prices TO gift;

-- Pictures and films that operators uploaded: their name is what they are, so none ever changes.
CREATE TABLE catalogue_files (
    digest       bytea        PRIMARY KEY
                 CONSTRAINT digest_is_sha256 CHECK (octet_length(digest) = 32),
    format       text         NOT NULL
                 CONSTRAINT file_format_known CHECK (
                     format IN (
                         'svg', 'png', 'apng', 'webp', 'avif', 'gif', 'webm', 'mp4', 'lottie'
                     )
                 ),
    is_moving    boolean      NOT NULL,
    width        integer,
    height       integer,
    duration_ms  integer,
    content      bytea        NOT NULL
                 CONSTRAINT file_is_small CHECK (octet_length(content) BETWEEN 1 AND 4194304),
    uploaded_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    uploaded_by  text         NOT NULL,
    -- When a gift was last seen to show it; until one does, when it was last uploaded.
    used_at      timestamptz  NOT NULL DEFAULT clock_timestamp()
);
-- Most formats are compressed in themselves; and its length is then known without reading it.
ALTER TABLE catalogue_files ALTER COLUMN content SET STORAGE EXTERNAL;
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON catalogue_files TO gift;
"""

ADMISSIONS = """
-- All that the newest revision says of a room.
CREATE TABLE rooms (
    room       text         PRIMARY KEY,
    revision   bigint       NOT NULL CONSTRAINT room_revision_is_counted CHECK (revision >= 0),
    creator    text         NOT NULL,
    guests     text[]       NOT NULL
               CONSTRAINT room_has_few_guests CHECK (cardinality(guests) <= 100),
    stream     uuid,        -- NULL: no stream is known yet
    is_open    boolean      NOT NULL,
    opened_at  timestamptz,
    CONSTRAINT open_room_has_a_stream CHECK (stream IS NOT NULL OR NOT is_open)
);
GRANT SELECT, INSERT, UPDATE ON rooms TO gift;

CREATE TABLE creator_rules (
    creator        text         PRIMARY KEY,
    gifts_off      boolean      NOT NULL DEFAULT false,
    hold_messages  boolean      NOT NULL DEFAULT false,
    changed_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    changed_by     text         NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON creator_rules TO gift;

-- A creator takes no gifts in this stream; if they own its room, its guests take none either.
CREATE TABLE streams_without_gifts (
    creator  text         NOT NULL,
    stream   uuid         NOT NULL,
    made_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    made_by  text         NOT NULL,
    PRIMARY KEY (creator, stream)
);
GRANT SELECT, INSERT, DELETE ON streams_without_gifts TO gift;

CREATE TABLE blocks (
    creator  text         NOT NULL,
    viewer   text         NOT NULL,
    until    timestamptz, -- NULL: for ever
    made_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    made_by  text         NOT NULL,
    PRIMARY KEY (creator, viewer),
    CONSTRAINT blocked_is_not_blocker CHECK (viewer <> creator)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON blocks TO gift;
"""

SIGNATURES = """
-- Signatures that Tencent used once. A signature covers a second and nothing else, so a reader of
-- one could sign any body with it. Only digests of the bodies are kept, and never a signature.
CREATE TABLE tencent_signatures (
    request_time  bigint   PRIMARY KEY,  -- what was signed, in seconds
    bodies        bytea[]  NOT NULL
                  CONSTRAINT signature_has_a_body CHECK (cardinality(bodies) > 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tencent_signatures TO gift;
"""
# A function, so that intake needs one statement: it waits for a transaction that changes the rules
# of a creator or a room, and only then reads them, with a snapshot of its own. In one plain
# statement the snapshot would be from before the wait. The keys are those of store/admissions.py.
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
    LEFT JOIN LATERAL (
        SELECT * FROM rooms WHERE rooms.room = asked.room OFFSET 0
    ) AS rooms ON true
    LEFT JOIN LATERAL (
        SELECT * FROM creator_rules AS rules WHERE rules.creator = asked.creator OFFSET 0
    ) AS rules ON true
    ORDER BY asked.place;
END
$$;
"""


def upgrade() -> None:
    if has_several_parts():
        # With one part they are in this schema already.
        for shared in (MAILBOXES, EVENT_ARCHIVE):
            run_sql(shared.format(role="gift"))
    run_sql(AUDIT.format(role="gift"))
    for own in (CATALOGUE, ADMISSIONS, SIGNATURES):
        run_sql(own)
    # As it is: `run_sql` takes a script apart at each semicolon.
    op.get_bind().exec_driver_sql(READ_ADMISSIONS)
