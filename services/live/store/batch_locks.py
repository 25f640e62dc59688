"""What a batch of gifts locks before it reads anything."""

from collections.abc import Iterable
from uuid import UUID

from services.live.store.creator_locks import LOCK_CLASS, lock_numbers
from shared.postgres.database import Transaction
from shared.postgres.statements import text


async def lock_batch(
    tx: Transaction, *, rooms: Iterable[str], gifts: Iterable[UUID], creators: Iterable[str]
) -> None:
    """
    Lock rooms, gifts that no room's lock covers, and creators: in this order, each sorted.

    Rooms that are new are created. No transaction changes the goals and perks of these creators
    until this one ends. What is read of all these comes in a later statement: this one does not
    see what was committed while it waited.
    """
    asked = {
        "rooms": sorted(set(rooms)),
        "gifts": sorted(set(gifts)),
        "class": LOCK_CLASS,
        "creators": lock_numbers(creators),
    }
    await tx.execute(_LOCK, asked)


# `WHERE false` locks a room that is there, and changes nothing. The conditions on the number of
# locks keep the order: what they count is locked before the first row is looked at.
_LOCK = text("""
    WITH rooms_locked AS (
        INSERT INTO rooms (room)
        SELECT room FROM unnest(CAST(:rooms AS text[])) WITH ORDINALITY AS asked (room, position)
        ORDER BY position
        ON CONFLICT (room) DO UPDATE SET room = excluded.room WHERE false
        RETURNING room
    ), gifts_locked AS (
        SELECT pg_advisory_xact_lock(hashtextextended('gift:' || gift, 0))
        FROM unnest(CAST(:gifts AS uuid[])) WITH ORDINALITY AS asked (gift, position)
        WHERE (SELECT count(*) FROM rooms_locked) >= 0
        ORDER BY position
    )
    SELECT pg_advisory_xact_lock_shared(CAST(:class AS integer), number)
    FROM unnest(CAST(:creators AS integer[])) WITH ORDINALITY AS asked (number, position)
    WHERE (SELECT count(*) FROM gifts_locked) >= 0
    ORDER BY position
""")
