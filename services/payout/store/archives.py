"""What the payout service adds to the archives of its ledger: entries of open months stay."""

from shared.ledger.archiving import LedgerArchive
from shared.postgres.statements import text

_WAITING = text("""
    SELECT FROM unnest(CAST(:users AS text[]), CAST(:lasts AS bigint[])) AS member (user_id, last),
        LATERAL (
            SELECT FROM creators
            WHERE creator = member.user_id AND closed_entry < member.last OFFSET 0
        ) AS is_open
    LIMIT 1
""")
ARCHIVE = LedgerArchive("payout", waiting=_WAITING)
