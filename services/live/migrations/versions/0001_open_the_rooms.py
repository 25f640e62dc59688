"""
Open the rooms: totals, scores, and a feed that a viewer can resume anywhere.

`one_entry_a_gift` makes counting a gift twice impossible, whatever the inbox forgets.
"""

from shared.messaging.schema import MAILBOX_RIGHTS_V1, MAILBOXES_V1
from shared.postgres.migrate import run_sql

revision = "0001"
down_revision = None

ROOMS = """
CREATE TABLE rooms (
    room      text    PRIMARY KEY,
    sequence  bigint  NOT NULL DEFAULT 0,
    gifts     bigint  NOT NULL DEFAULT 0 CONSTRAINT room_gifts_counted CHECK (gifts >= 0),
    coins     bigint  NOT NULL DEFAULT 0 CONSTRAINT room_coins_counted CHECK (coins >= 0)
) WITH (fillfactor = 50);

CREATE TABLE feed (
    room      text    NOT NULL,
    sequence  bigint  NOT NULL,
    gift      uuid    NOT NULL,
    shown     jsonb   NOT NULL,
    PRIMARY KEY (room, sequence),
    CONSTRAINT one_entry_a_gift UNIQUE (room, gift)
);

CREATE TABLE scores (
    room      text         NOT NULL,
    viewer    text         NOT NULL,
    gifts     bigint       NOT NULL CONSTRAINT score_of_gifts CHECK (gifts > 0),
    coins     bigint       NOT NULL CONSTRAINT score_of_coins CHECK (coins > 0),
    first_at  timestamptz  NOT NULL,
    PRIMARY KEY (room, viewer)
);
CREATE INDEX scores_ranked ON scores (room, coins DESC, first_at);

GRANT SELECT, INSERT, UPDATE ON rooms, scores TO live;
GRANT SELECT, INSERT ON feed TO live;
"""


def upgrade() -> None:
    run_sql(MAILBOXES_V1)
    run_sql(MAILBOX_RIGHTS_V1.format(role="live"))
    run_sql(ROOMS)
