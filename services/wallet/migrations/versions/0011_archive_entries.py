"""Old entries may leave for an archive: what stays of them, and who may move them."""

from shared.ledger.archive_schema import ARCHIVES
from shared.postgres.migrate import run_sql

revision = "0011"
down_revision = "0002"

SLICES = """
-- What the archived gifts took out of each lot.
CREATE TABLE opening_slices (
    user_id  text    NOT NULL,
    lot      uuid    NOT NULL,
    coins    bigint  NOT NULL CONSTRAINT opening_slice_has_coins CHECK (coins > 0),
    PRIMARY KEY (user_id, lot)
);
GRANT SELECT ON opening_slices TO wallet, wallet_archiver;
GRANT INSERT, UPDATE (coins) ON opening_slices TO wallet_archiver;

-- A paid gift is told by its entry and its lots: its result is not stored.
CREATE OR REPLACE FUNCTION outcome_of(entry entries) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN entry.result IS NULL AND entry.kind = 'gift' THEN jsonb_build_object(
        'viewer', entry.user_id, 'gift', entry.gift, 'coins', -entry.amounts[1],
        'balance_coins', entry.balances_after[1],
        'slices', (
            SELECT jsonb_agg(
                jsonb_build_object('lot', slice.lot, 'kind', lots.kind, 'coins', slice.coins,
                                   'diamond_rate_bp', lots.diamond_rate_bp)
                ORDER BY position
            )
            FROM unnest(entry.lots, coalesce(entry.slices, entry.amounts[2:2])) WITH ORDINALITY
                AS slice (lot, coins, position)
            JOIN lots ON lots.user_id = entry.user_id AND lots.id = slice.lot
        )
    ) ELSE coalesce(entry.result, '{}') END;
CREATE OR REPLACE VIEW outcomes AS
    SELECT user_id, number, gift, coalesce(reference, 'gift:' || gift) AS reference, request_hash,
           kind, outcome_of(entries) AS outcome, recorded_at
    FROM entries;
"""


def upgrade() -> None:
    run_sql(ARCHIVES.format(role="wallet"))
    run_sql(SLICES)
