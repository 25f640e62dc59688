"""What viewers were owed at the end of each day, for reports as of a day that is long over."""

from shared.postgres.migrate import run_sql

revision = "0010"
down_revision = "0002"

LIABILITY = """
-- Lots say what is, not what was: so once a day it is summed up and kept.
CREATE TABLE liability_days (
    day       date         PRIMARY KEY,
    taken_at  timestamptz  NOT NULL
);
GRANT SELECT, INSERT ON liability_days TO wallet;

CREATE TABLE liability_lines (
    day                   date    NOT NULL REFERENCES liability_days,
    country               text    NOT NULL, -- '': not known
    currency              text    NOT NULL,
    age                   text    NOT NULL,
    lots                  bigint  NOT NULL,
    unspent_coins         bigint  NOT NULL,
    price_minor           bigint  NOT NULL,
    tax_minor             bigint  NOT NULL,
    deferred_gross_minor  bigint  NOT NULL,
    deferred_minor        bigint  NOT NULL,
    released_minor        bigint  NOT NULL,
    refunded_minor        bigint  NOT NULL,
    disputed_minor        bigint  NOT NULL,
    PRIMARY KEY (day, country, currency, age),
    CONSTRAINT liability_is_split CHECK (
        deferred_minor + released_minor + refunded_minor + disputed_minor = price_minor - tax_minor
    )
);
GRANT SELECT, INSERT ON liability_lines TO wallet;
"""


def upgrade() -> None:
    run_sql(LIABILITY)
