"""Receipts and credit notes, and their numbers without gaps."""

from shared.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

RECEIPTS = """
-- The last number of a seller's year, in the series of this part. Its row is locked until a sale is
-- written, so a number that is rolled back is given to the next: there are no gaps.
CREATE TABLE receipt_numbers (
    seller  text     NOT NULL,
    year    integer  NOT NULL,
    last    bigint   NOT NULL CONSTRAINT receipt_number_counts CHECK (last > 0),
    PRIMARY KEY (seller, year)
);
GRANT SELECT, INSERT, UPDATE ON receipt_numbers TO purchase;

-- Never changed: what was issued is kept as it was, the seller's own data included.
CREATE TABLE receipts (
    seller          text         NOT NULL,
    year            integer      NOT NULL,
    -- Which part numbered it; null where there is only one.
    series          smallint     CONSTRAINT receipt_series_known CHECK (series >= 0),
    number          bigint       NOT NULL CONSTRAINT receipt_numbered CHECK (number > 0),
    viewer          text         NOT NULL,
    purchase        uuid         NOT NULL,
    kind            text         NOT NULL CONSTRAINT receipt_kind_known
                    CHECK (kind IN ('receipt', 'credit-note', 'cancellation')),
    refund          uuid,
    issued_at       timestamptz  NOT NULL,
    coins           bigint       NOT NULL,
    amount_minor    bigint       NOT NULL,
    tax_minor       bigint       NOT NULL,
    seller_details  jsonb        NOT NULL,
    PRIMARY KEY (seller, year, number),
    CONSTRAINT one_receipt_a_step UNIQUE NULLS NOT DISTINCT (viewer, purchase, kind, refund),
    CONSTRAINT receipt_of_a_refund CHECK ((kind = 'receipt') = (refund IS NULL)),
    CONSTRAINT receipt_has_one_sign CHECK (
        CASE kind WHEN 'credit-note' THEN greatest(coins, amount_minor) < 0 AND tax_minor <= 0
            ELSE least(coins, amount_minor) > 0 AND tax_minor >= 0 END
    ),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT ON receipts TO purchase;
"""


def upgrade() -> None:
    run_sql(RECEIPTS)
