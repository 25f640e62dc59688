"""What the wallet adds to the archives of its ledger: what archived gifts took out of lots."""

from shared.ledger.archiving import LEAVING, LedgerArchive
from shared.postgres.statements import text

_SLICES = text(f"""
    INSERT INTO opening_slices AS known (user_id, lot, coins)
    SELECT e.user_id, slice.lot, sum(slice.coins)::bigint
    FROM {LEAVING}, unnest(e.lots, coalesce(e.slices, e.amounts[2:2])) AS slice (lot, coins)
    WHERE of_user.archive = :archive AND e.kind = 'gift'
    GROUP BY 1, 2
    ON CONFLICT (user_id, lot) DO UPDATE SET coins = known.coins + excluded.coins
""")  # noqa: S608 - our own text only
ARCHIVE = LedgerArchive("wallet", brought_forward=(_SLICES,))
