"""What was decided about messages of gifts."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from shared.postgres.database import Transaction


async def keep(
    tx: Transaction, decisions: Mapping[UUID, tuple[int, str | None]]
) -> dict[UUID, str | None]:
    """Keep the (revision, text) of gifts unless newer ones are known; return the texts kept."""
    if not decisions:
        return {}
    gifts = sorted(decisions)
    rows = await tx.execute(
        _KEEP,
        {
            "gifts": gifts,
            "revisions": [decisions[gift][0] for gift in gifts],
            "messages": [decisions[gift][1] for gift in gifts],
        },
    )
    return {row.gift: row.message for row in rows}


_KEEP = text("""
    INSERT INTO messages (gift, revision, message)
    SELECT * FROM unnest(
        CAST(:gifts AS uuid[]), CAST(:revisions AS bigint[]), CAST(:messages AS text[])
    )
    ON CONFLICT (gift) DO UPDATE
    SET revision = excluded.revision, message = excluded.message
    WHERE messages.revision < excluded.revision
    RETURNING gift, message
""")
