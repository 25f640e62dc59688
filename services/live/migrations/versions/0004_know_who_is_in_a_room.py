"""
Know who is in a room, and when: only gifts to its owner and its guests count there.

`guest_stays` keeps when guests were there. A guest without a stay came before this migration, or
through an instance of the version before it, and counts as always there. `messages` keeps the
decisions about messages, without the text of removed ones. Entries of the feed are never rewritten,
so a reader of the feed looks up their messages here.
"""

from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

ROOMS = """
ALTER TABLE room_owners
    -- Counts the room's changes; 0: none was published yet.
    ADD COLUMN revision     bigint  NOT NULL DEFAULT 0,
    -- Since when the room has its owner, or none; NULL: since before this was known.
    ADD COLUMN owned_since  timestamptz;

CREATE TABLE guest_stays (
    room       text         NOT NULL,
    guest      text         NOT NULL,
    joined_at  timestamptz  NOT NULL,
    left_at    timestamptz  CONSTRAINT guest_leaves_after_joining CHECK (left_at > joined_at),
    PRIMARY KEY (room, guest, joined_at)
);
CREATE UNIQUE INDEX one_open_stay_a_guest ON guest_stays (room, guest) WHERE left_at IS NULL;

-- False: its creator was not in its room, so it counts nowhere.
ALTER TABLE gifts ADD COLUMN belongs boolean NOT NULL DEFAULT true;

CREATE TABLE messages (
    gift      uuid    PRIMARY KEY,
    revision  bigint  NOT NULL CONSTRAINT message_decision_is_numbered CHECK (revision > 0),
    message   text    -- NULL: removed
);

GRANT SELECT, INSERT, UPDATE ON guest_stays, messages TO live;
"""


def upgrade() -> None:
    run_sql(ROOMS)
