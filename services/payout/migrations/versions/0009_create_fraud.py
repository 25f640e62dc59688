"""What the fraud rules know of purchases, and what they found."""

from shared.postgres.migrate import run_sql

revision = "0009"
down_revision = "0008"

FRAUD = """
-- What each lot of coins was paid with; the card goes when its viewer is erased.
CREATE TABLE fundings (
    viewer       text         NOT NULL,
    lot          uuid         NOT NULL,
    purchase     uuid         NOT NULL,
    paid_at      timestamptz  NOT NULL,
    -- NULL: the provider does not tell cards apart.
    fingerprint  text         CONSTRAINT funding_fingerprint_known
                 CHECK (fingerprint ~ '^[0-9a-f]{32}$'),
    PRIMARY KEY (viewer, lot)
);
GRANT SELECT, INSERT, UPDATE ON fundings TO payout;

-- The earliest payment of each viewer, whatever the order in which payments become known.
CREATE TABLE payers (
    viewer         text         PRIMARY KEY,
    first_paid_at  timestamptz  NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON payers TO payout;

-- Evidence: never changed.
CREATE TABLE fraud_findings (
    creator      text         NOT NULL,
    payout       uuid         NOT NULL,
    rule         text         NOT NULL,
    version      integer      NOT NULL CONSTRAINT finding_version_counts CHECK (version > 0),
    mode         text         NOT NULL
                 CONSTRAINT finding_mode_known CHECK (mode IN ('shadow', 'enforced')),
    score_bp     integer      NOT NULL
                 CONSTRAINT finding_score_is_a_share CHECK (score_bp BETWEEN 0 AND 10000),
    diamonds     bigint       NOT NULL,
    of_diamonds  bigint       NOT NULL CONSTRAINT finding_of_diamonds CHECK (of_diamonds > 0),
    accounts     integer      NOT NULL,
    named        text[]       NOT NULL
                 CONSTRAINT finding_names_accounts CHECK (cardinality(named) <= accounts),
    found_at     timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, payout, rule),
    CONSTRAINT finding_in_part CHECK (diamonds BETWEEN 0 AND of_diamonds)
);
GRANT SELECT, INSERT ON fraud_findings TO payout;
"""


def upgrade() -> None:
    run_sql(FRAUD)
