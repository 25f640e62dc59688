"""
Who payees are, and what lists of sanctions say of them.

Names and e-mail addresses stand in `payee_contacts` alone, so that they can be erased. Both tables
are about one revision of a payee: what was cleared for one name is not cleared for the next.
"""

from shared.postgres.migrate import run_sql

revision = "0004"
down_revision = "0003"

PAYEES = """
CREATE TABLE payee_contacts (
    creator      text    NOT NULL,
    revision     bigint  NOT NULL,
    destination  text    NOT NULL,
    email        text,
    legal_name   text,
    PRIMARY KEY (creator, revision),
    CONSTRAINT contact_is_known CHECK (coalesce(email, legal_name) IS NOT NULL)
);
GRANT SELECT, INSERT, DELETE ON payee_contacts TO payout;

-- How many payees a creator ever had. It outlives them: after an erasure no number comes again.
CREATE TABLE payee_revisions (
    creator  text    PRIMARY KEY,
    newest   bigint  NOT NULL CONSTRAINT payee_revision_counts_up CHECK (newest > 0)
);
GRANT SELECT, INSERT, UPDATE ON payee_revisions TO payout;

CREATE TABLE payee_matches (
    creator       text         NOT NULL,
    revision      bigint       NOT NULL,
    entry         text         NOT NULL,
    listed_name   text         NOT NULL,
    -- The newest list that has it.
    list_version  text         NOT NULL,
    found_at      timestamptz  NOT NULL DEFAULT now(),
    cleared_at    timestamptz,
    cleared_by    text,
    PRIMARY KEY (creator, revision, entry),
    CONSTRAINT cleared_match_has_an_operator CHECK ((cleared_at IS NULL) = (cleared_by IS NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON payee_matches TO payout;
"""


def upgrade() -> None:
    run_sql(PAYEES)
