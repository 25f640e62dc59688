"""The inbox: ids of handled messages, the fast path against duplicates."""

from collections.abc import Sequence
from uuid import UUID

from shared.postgres.database import Transaction
from shared.postgres.statements import text

# Longer than the 30 days of the log streams, so that a replay meets it.
RETENTION_DAYS = 35
FORGET_MAX = 10_000


async def accept(tx: Transaction, queue: str, message_ids: Sequence[UUID]) -> set[UUID]:
    """
    Claim arriving messages; return those that were not claimed before.

    The ids are inserted sorted: two consumers with overlapping batches would otherwise each
    hold a row that the other waits for.
    """
    if not message_ids:
        return set()
    rows = await tx.execute(_ACCEPT, {"queue": queue, "ids": sorted(set(message_ids))})
    return {row.message_id for row in rows}


async def forget_old(tx: Transaction) -> bool:
    """
    Delete some old ids: no redelivery, redrive or replay can bring their messages again.

    Returns whether there may be more: all at once would be one long transaction.
    """
    rows = await tx.execute(_FORGET, {"days": RETENTION_DAYS, "limit": FORGET_MAX})
    return len(rows) == FORGET_MAX


_ACCEPT = text("""
    INSERT INTO inbox (queue, message_id)
    SELECT :queue, id FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS m (id, position)
    ORDER BY position
    ON CONFLICT DO NOTHING
    RETURNING message_id
""")
# Of a range with one end PostgreSQL expects a third of the table, where it has no statistics.
_FORGET = text("""
    DELETE FROM inbox WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM inbox
        WHERE received_at BETWEEN '-infinity' AND now() - make_interval(days => :days)
        ORDER BY received_at LIMIT :limit
    )) RETURNING 1
""")
