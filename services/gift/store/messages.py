"""Messages of gifts, as their creators find them; they are in the parts of their viewers."""

from datetime import datetime
from uuid import UUID

from services.gift import columns as tables
from services.gift.domain.creators import Message, MessageState
from services.gift.domain.gifts import Gift
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_gift = RowMapper(Gift, tables.Gift)


async def find_viewer(tx: Transaction, creator: str, gift: UUID) -> str | None:
    """Return who wrote the message of a creator's gift."""
    rows = await tx.execute(_FIND_VIEWER, {"creator": creator, "gift": gift})
    viewer: str | None = rows.scalar_one_or_none()
    return viewer


async def decide(tx: Transaction, gift: Gift, *, by: str, at: datetime) -> None:
    """Write what was decided about the message of a gift; the gift is locked."""
    await tx.execute(
        _DECIDE_GIFT,
        {
            "viewer": gift.viewer,
            "gift": gift.id,
            "state": gift.message_state,
            "revision": gift.message_revision,
        },
    )
    await tx.execute(_DECIDE, {"creator": gift.creator, "gift": gift.id, "by": by, "at": at})


async def held(
    tx: Transaction, creator: str, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Message]:
    """Return messages that wait for approval, those that wait longest first."""
    at, gift = after or (None, None)
    rows = await tx.execute(_HELD, {"creator": creator, "at": at, "gift": gift, "limit": limit})
    return [
        Message(
            gift=row.gift,
            viewer=None if row.anonymous else row.viewer,
            room=row.room,
            text=row.message,
            state=MessageState.HELD,
            held_at=row.held_at,
        )
        for row in rows
    ]


async def erase_all(tx: Transaction, viewer: str) -> list[Gift]:
    """Erase the messages of a viewer's gifts; return these gifts, as removed messages have them."""
    return [_gift(row) for row in await tx.execute(_ERASE_ALL, {"viewer": viewer})]


# Of a gift that is not sent its outcome says that there is no message.
_ERASE_ALL = text(f"""
    WITH locked AS (
        SELECT viewer, id FROM gifts WHERE viewer = :viewer AND message IS NOT NULL
        ORDER BY viewer, id FOR UPDATE
    ), erased AS (
        UPDATE gifts SET message = NULL, message_state = 'removed',
            message_revision = message_revision + (state = 'sent')::integer
        FROM locked WHERE gifts.viewer = locked.viewer AND gifts.id = locked.id
        RETURNING {_gift.columns}
    ), forgotten AS (
        DELETE FROM messages USING erased
        WHERE messages.creator = erased.creator AND messages.gift = erased.id
    )
    SELECT * FROM erased ORDER BY id
""")  # noqa: S608 - our own text only
_FIND_VIEWER = text("SELECT viewer FROM messages WHERE creator = :creator AND gift = :gift")
_DECIDE_GIFT = text("""
    UPDATE gifts SET message_state = :state, message_revision = :revision
    WHERE viewer = :viewer AND id = :gift
""")
_DECIDE = text("""
    UPDATE messages SET decided_at = CAST(:at AS timestamptz), decided_by = :by
    WHERE creator = :creator AND gift = :gift
""")
# A gift that is not paid is not given: its message is not shown yet.
_HELD = text("""
    SELECT messages.gift, messages.viewer, messages.held_at, gifts.room, gifts.message,
           gifts.anonymous
    FROM messages JOIN gifts ON gifts.viewer = messages.viewer AND gifts.id = messages.gift
    WHERE messages.creator = :creator AND messages.held_at IS NOT NULL
      AND messages.decided_at IS NULL AND gifts.state = 'sent'
      AND (
          CAST(:at AS timestamptz) IS NULL
          OR (messages.held_at, messages.gift) > (CAST(:at AS timestamptz), CAST(:gift AS uuid))
      )
    ORDER BY messages.held_at, messages.gift
    LIMIT :limit
""")
