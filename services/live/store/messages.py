"""The newest decisions about the messages of gifts."""

from collections.abc import Mapping
from uuid import UUID

from services.live import tables
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows


async def save_decisions(
    tx: Transaction, decisions: Mapping[UUID, tuple[int, str | None]]
) -> dict[UUID, str | None]:
    """Store the (revision, text) of gifts unless newer ones are known; return the stored texts."""
    if not decisions:
        return {}
    gifts = sorted(decisions)
    columns = {
        "gift": gifts,
        "revision": [decisions[gift][0] for gift in gifts],
        "message": [decisions[gift][1] for gift in gifts],
    }
    return {row.gift: row.message for row in await tx.execute(_SAVE, columns)}


_SAVE = insert_rows(
    tables.Message,
    *("gift", "revision", "message"),
    then="""
        ON CONFLICT (gift) DO UPDATE
        SET revision = excluded.revision, message = excluded.message
        WHERE messages.revision < excluded.revision
        RETURNING gift, message
    """,
)
