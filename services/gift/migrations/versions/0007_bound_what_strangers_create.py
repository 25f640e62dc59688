"""
Bound what strangers create: gifts that are not paid, and what one signature of Tencent's brings.

Their signature covers a second and nothing else, so whoever has seen one could sign anything with
it. Only digests of the bodies are kept, and never a signature.

`gifts_open_by_viewer` is made by hand before an upgrade, CONCURRENTLY, where there are gifts.
"""

from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS_V1

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
INDEX = """
CREATE INDEX IF NOT EXISTS gifts_open_by_viewer ON gifts (viewer) WHERE state = 'requested';
"""


def upgrade() -> None:
    run_sql(SIGNATURES)
    run_sql(QUOTAS_V1.format(role="gift"))
    run_sql(INDEX)
