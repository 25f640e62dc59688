"""Remember which coins of a gift lost their money; a gift may not be known, or settled, yet."""

from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

REVERSALS = """
ALTER TABLE gifts
    ADD COLUMN age_verified    smallint,
    -- When the wallet decided: the hour by which both services compare what they know.
    ADD COLUMN paid_at         timestamptz,
    ADD COLUMN reversed_coins  bigint   NOT NULL DEFAULT 0,
    -- Facts announced after the outcome: each is one version of the gift.
    ADD COLUMN reversal_facts  integer  NOT NULL DEFAULT 0,
    ADD CONSTRAINT reversed_in_part CHECK (reversed_coins BETWEEN 0 AND coins),
    ADD CONSTRAINT only_sent_is_reversed CHECK (reversed_coins = 0 OR state = 'sent');

-- What the newest revision says of each lot that paid; `published_coins` is what others heard.
CREATE TABLE reversals (
    viewer           text    NOT NULL,
    gift             uuid    NOT NULL,
    lot              uuid    NOT NULL,
    revision         bigint  NOT NULL CONSTRAINT reversal_is_numbered CHECK (revision > 0),
    reversed_coins   bigint  NOT NULL CONSTRAINT reversal_is_counted CHECK (reversed_coins >= 0),
    published_coins  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (viewer, gift, lot)
);

CREATE INDEX gifts_by_payment ON gifts (paid_at) WHERE state = 'sent';
CREATE INDEX gifts_by_settlement ON gifts (decided_at) WHERE state = 'sent';

GRANT SELECT, INSERT, UPDATE ON reversals TO gift;
"""


def upgrade() -> None:
    run_sql(REVERSALS)
