"""What is of no single viewer: the audit log, and what all were owed, bought and gave."""

from shared.ledger.schema import AUDIT
from shared.messaging.schema import MAILBOXES
from shared.postgres.migrate import has_several_parts, run_sql

revision = "0001"
down_revision = None

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

FLOW = """
-- What moved in each hour, summed up once when the hour is closed: a chart reads these few rows,
-- and never entries.
CREATE TABLE flow_hours (
    hour          timestamptz  PRIMARY KEY,
    bought_coins  bigint       NOT NULL,
    given_coins   bigint       NOT NULL,
    taken_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT hour_is_whole CHECK (date_trunc('hour', hour, 'UTC') = hour),
    CONSTRAINT nothing_flows_back CHECK (bought_coins >= 0 AND given_coins >= 0)
);
GRANT SELECT, INSERT ON flow_hours TO wallet;
"""


def upgrade() -> None:
    if has_several_parts():
        # With one part its mailboxes are in this schema already.
        run_sql(MAILBOXES.format(role="wallet"))
    run_sql(AUDIT.format(role="wallet"))
    run_sql(LIABILITY)
    run_sql(FLOW)
