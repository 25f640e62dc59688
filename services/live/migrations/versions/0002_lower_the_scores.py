"""Remember which coins of a gift lost their money, so that rooms count what is worth something."""

from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

REVERSALS = """
CREATE TABLE reversals (
    room            text    NOT NULL,
    gift            uuid    NOT NULL,
    lot             uuid    NOT NULL,
    revision        bigint  NOT NULL CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins  bigint  NOT NULL CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    PRIMARY KEY (room, gift, lot)
);

-- Everything somebody gave may have lost its money.
ALTER TABLE scores DROP CONSTRAINT score_of_coins;
ALTER TABLE scores ADD CONSTRAINT score_of_coins CHECK (coins >= 0);

GRANT SELECT, INSERT, UPDATE ON reversals TO live;
"""


def upgrade() -> None:
    run_sql(REVERSALS)
