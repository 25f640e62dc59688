"""
Count taps in a row: which combo a gift is part of, and what its combo came to with it.

`one_running_combo` is what lets the combo of an open gift be found, and what keeps two instances
from starting two; `over_when_none_is_open` stops a bug that would end one too early.
"""

from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

COMBOS = """
ALTER TABLE gifts
    -- As the catalogue had it when the gift was asked for.
    ADD COLUMN mode          text,
    -- Written with the outcome: until then the running combo is the gift's.
    ADD COLUMN combo         uuid,
    ADD COLUMN repeat_count  bigint,
    ADD COLUMN combo_coins   bigint,
    ADD CONSTRAINT only_sent_is_counted CHECK (repeat_count IS NULL OR state = 'sent');

CREATE TABLE combos (
    viewer             text         NOT NULL,
    id                 uuid         NOT NULL,
    room               text         NOT NULL,
    creator            text         NOT NULL,
    gift_type          text         NOT NULL,
    anonymous          boolean      NOT NULL,
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
    CONSTRAINT over_when_none_is_open CHECK (ended_at IS NULL OR open_gifts = 0)
) WITH (fillfactor = 50);
-- Both columns that change with every tap stay out of it, so that a tap changes no index.
CREATE UNIQUE INDEX one_running_combo ON combos (viewer, room, creator, gift_type, anonymous)
    WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON combos TO gift;
"""


def upgrade() -> None:
    run_sql(COMBOS)
