"""The newest decisions about the messages of gifts."""

from collections.abc import Mapping
from uuid import UUID

from services.live import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows
from shared.postgres.statements import text


async def save_decisions(
    tx: Transaction, decisions: Mapping[UUID, tuple[int, str | None]]
) -> dict[UUID, str | None]:
    """
    Store the (revision, text) of gifts unless newer ones are known; return the stored texts.

    The text of a removed message goes from the feeds as well.
    """
    if not decisions:
        return {}
    gifts = sorted(decisions)
    columns = {
        "gift": gifts,
        "revision": [decisions[gift][0] for gift in gifts],
        "message": [decisions[gift][1] for gift in gifts],
    }
    saved = {row.gift: row.message for row in await tx.execute(_SAVE, columns)}
    if removed := [gift for gift, message in saved.items() if message is None]:
        await tx.execute(_FORGET, {"gifts": removed, "written": [*map(str, removed)]})
    return saved


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
_FORGET = text("""
    WITH of_gifts AS (
        UPDATE feed SET shown = (shown::jsonb || '{"message": null}')::json
        WHERE kind = 'gift' AND (shown ->> 'message') IS NOT NULL
            AND subject = ANY(CAST(:gifts AS uuid[]))
    )
    UPDATE feed SET shown = (shown::jsonb || '{"message": null, "state": "removed"}')::json
    WHERE kind = 'message' AND (shown ->> 'gift') = ANY(CAST(:written AS text[]))
        AND (shown ->> 'message') IS NOT NULL
""")
