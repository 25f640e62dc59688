"""
Keep the catalogue where operators can change it, with every price it ever had, and who set it.

A gift is never deleted: its id is in gifts and events for ever. `catalogue` is one row whose
revision tells every instance that something changed; whoever changes anything locks it.
"""

from shared.ledger.schema import AUDIT_RIGHTS_V1, AUDIT_V1
from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"

CATALOGUE = """
CREATE TABLE catalogue (
    is_the_one  boolean  PRIMARY KEY DEFAULT true
                CONSTRAINT one_catalogue CHECK (is_the_one),
    revision    bigint   NOT NULL DEFAULT 0
);
INSERT INTO catalogue DEFAULT VALUES;

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

CREATE TABLE prices (
    gift_type    text         NOT NULL REFERENCES gift_types,
    version      integer      NOT NULL CONSTRAINT price_is_numbered CHECK (version > 0),
    price_coins  bigint       NOT NULL CONSTRAINT price_is_one CHECK (price_coins > 0),
    operator     text         NOT NULL,
    valid_from   timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (gift_type, version)
);

-- What the newest revision says of each viewer: some gifts are for some levels only.
CREATE TABLE gifter_levels (
    viewer    text     PRIMARY KEY,
    revision  bigint   NOT NULL,
    level     integer  NOT NULL CONSTRAINT level_is_counted CHECK (level >= 0)
);
-- Who is of a creator's fans; the gift that makes one never changes.
CREATE INDEX gifts_of_fans ON gifts (viewer, creator)
    WHERE gift_type = 'g_pebble' AND state = 'sent';

GRANT SELECT, UPDATE ON catalogue TO gift;
GRANT SELECT, INSERT, UPDATE ON gift_types TO gift;
GRANT SELECT, INSERT ON prices TO gift;
GRANT SELECT, INSERT, UPDATE ON gifter_levels TO gift;
"""


def upgrade() -> None:
    run_sql(CATALOGUE)
    run_sql(AUDIT_V1)
    run_sql(AUDIT_RIGHTS_V1.format(role="gift"))
