"""Closed months of creators, and which earnings became available when."""

from shared.postgres.migrate import run_sql

revision = "0010"
down_revision = "0009"

STATEMENTS = """
-- Never changed: entries that come later belong to a later month.
CREATE TABLE statements (
    creator        text         NOT NULL,
    month          date         NOT NULL CONSTRAINT statement_of_a_month
                   CHECK (extract(day FROM month) = 1),
    year           integer      NOT NULL,
    -- The self-bills of a creator's year are numbered without gaps; NULL: nothing was earned.
    number         integer      CONSTRAINT statement_numbered CHECK (number BETWEEN 1 AND 12),
    last_entry     bigint       NOT NULL CONSTRAINT statement_of_entries CHECK (last_entry > 0),
    -- Of all diamonds up to the last entry: how many became available, and how many left.
    available_in   bigint       NOT NULL,
    available_out  bigint       NOT NULL,
    closed_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (creator, month),
    CONSTRAINT one_statement_a_number UNIQUE (creator, year, number),
    CONSTRAINT statement_in_its_year CHECK (year = extract(year FROM month)),
    CONSTRAINT statement_left_in_part CHECK (available_out BETWEEN 0 AND available_in)
);
GRANT SELECT, INSERT ON statements TO payout;

-- What changed in a month, by line and asset; positive is more for the creator.
CREATE TABLE statement_lines (
    creator  text    NOT NULL,
    month    date    NOT NULL,
    asset    text    NOT NULL,
    line     text    NOT NULL,
    amount   bigint  NOT NULL CONSTRAINT statement_line_changes CHECK (amount <> 0),
    entries  bigint  NOT NULL CONSTRAINT statement_line_counted CHECK (entries >= 0),
    PRIMARY KEY (creator, month, asset, line),
    FOREIGN KEY (creator, month) REFERENCES statements
);
CREATE INDEX statement_lines_by_month ON statement_lines (month);
GRANT SELECT, INSERT ON statement_lines TO payout;

-- The diamonds that became available together: what a maturing was made of, for ever.
CREATE TABLE matured_slices (
    creator   text      NOT NULL,
    maturing  bigint    NOT NULL,
    gift      uuid      NOT NULL,
    slice     smallint  NOT NULL,
    -- 0: those that never were taken back; 1: those that were, and came back; 2: those of a bonus,
    -- whose id stands in the place of the gift's.
    part      smallint  NOT NULL CONSTRAINT matured_part_known CHECK (part IN (0, 1, 2)),
    diamonds  bigint    NOT NULL CONSTRAINT matured_diamonds_counted CHECK (diamonds > 0),
    PRIMARY KEY (creator, maturing, gift, slice, part)
);
GRANT SELECT, INSERT ON matured_slices TO payout;
"""


def upgrade() -> None:
    run_sql(STATEMENTS)
