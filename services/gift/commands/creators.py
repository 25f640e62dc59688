"""
What creators allow, changed by themselves or by the host.

A change waits for the gifts that are just taken in, and those that follow wait for it: once it was
answered, every gift goes by it.
"""

from datetime import datetime
from uuid import UUID

import structlog

from services.gift.domain.admissions import BLOCKS_MAX, NotInRoom, RoomNotOpen, TooManyBlocks
from services.gift.domain.creators import BlockOfOneself, CreatorRules
from services.gift.store import admissions as store
from services.gift.store import rooms
from shared.postgres.database import Transaction

log = structlog.get_logger()


async def set_rules(tx: Transaction, creator: str, rules: CreatorRules, *, by: str) -> None:
    """Let all gifts to a creator go by these rules."""
    await store.hold(tx, creator)
    await store.save_rules(tx, creator, rules, by=by)
    _log_change(tx, "creator.rules_set", creator, by)


async def switch_room(
    tx: Transaction, creator: str, room: str, *, gifts_off: bool, by: str
) -> UUID:
    """
    Switch a creator's gifts off, or on, for the stream that goes on in a room; return the stream.

    Who owns the room does so for all who are in it.
    """
    await store.hold(tx, creator, room)
    known = await rooms.find(tx, room)
    if known is None or not known.is_open or known.stream is None:
        raise RoomNotOpen(room=room)
    if creator != known.creator and creator not in known.guests:
        raise NotInRoom(room=room, creator=creator)
    await store.switch_stream(tx, creator, known.stream, is_off=gifts_off, by=by)
    _log_change(tx, "creator.stream_switched", creator, by)
    return known.stream


async def block(
    tx: Transaction, creator: str, viewer: str, until: datetime | None, *, by: str
) -> None:
    """Take no gifts from a viewer until then, or ever again."""
    if viewer == creator:
        raise BlockOfOneself
    await store.hold(tx, creator)
    await store.forget_ended_blocks(tx, creator)
    if await store.count_blocks(tx, creator, but=viewer) >= BLOCKS_MAX:
        raise TooManyBlocks(blocks_max=BLOCKS_MAX)
    await store.save_block(tx, creator, viewer, until, by=by)
    _log_change(tx, "creator.viewer_blocked", creator, by)


async def unblock(tx: Transaction, creator: str, viewer: str, *, by: str) -> None:
    """Take gifts from a viewer again; one who was not blocked stays so."""
    await store.hold(tx, creator)
    await store.remove_block(tx, creator, viewer)
    _log_change(tx, "creator.viewer_unblocked", creator, by)


def _log_change(tx: Transaction, event: str, creator: str, by: str) -> None:
    tx.after_commit(lambda: log.info(event, creator=creator, by=by))
