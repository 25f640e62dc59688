"""
Bound what strangers create: which callbacks one signature of Tencent's came with.

Their signature covers a second and nothing else, so whoever has seen one could sign anything with
it. Only digests of the bodies are kept, and never a signature.
"""

from shared.migrate import run_sql

revision = "0007"
down_revision = "0006"

SIGNATURES = """
CREATE TABLE tencent_signatures (
    request_time  bigint   PRIMARY KEY,  -- what was signed, in seconds
    bodies        bytea[]  NOT NULL
        CONSTRAINT signature_has_a_body CHECK (cardinality(bodies) > 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tencent_signatures TO gift;
"""


def upgrade() -> None:
    run_sql(SIGNATURES)
