"""Streams, as live tells of them: in which one a gift was earned."""

from shared.postgres.migrate import run_sql

revision = "0014"
down_revision = "0013"

STREAMS = """
-- In every part: who earns in a room may be in any. Titles are words, and stay with live.
CREATE TABLE streams (
    stream     uuid         PRIMARY KEY,
    room       text         NOT NULL,
    creator    text         NOT NULL,
    opened_at  timestamptz  NOT NULL,
    closed_at  timestamptz  CONSTRAINT stream_ends_after_it_began CHECK (closed_at >= opened_at)
);
CREATE INDEX streams_of_room ON streams (room, opened_at);
CREATE INDEX streams_of_creator ON streams (creator);
GRANT SELECT, INSERT, UPDATE (closed_at) ON streams TO payout;
"""


def upgrade() -> None:
    run_sql(STREAMS)
