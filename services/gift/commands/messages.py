"""
Messages that wait for their creator's approval, and messages that are removed.

A decision is made under the lock of its gift, as the outcome is: of a gift that is not sent yet
nothing is announced, its outcome says what was decided by then. So a message is with its gift, in
the part of its viewer, and what a creator asks for is looked for in every part.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from uuid import UUID

from services.gift.domain.creators import Message, MessageIsRemoved, MessageState, NoSuchMessage
from services.gift.domain.gifts import Gift, State
from services.gift.store import gifts, messages
from shared.contracts.envelope import Cause
from shared.contracts.gift import MessageEvent, MessageHeld, MessageRemoved, MessageShown
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Database, Part, Transaction


async def held_messages(
    database: Database, creator: str, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Message]:
    """Return messages that wait for approval, those that wait longest first."""
    found = []
    for part in database.parts:
        async with part.transaction() as tx:
            found.append(await messages.held(tx, creator, after=after, limit=limit))
    return list(islice(merge(*found, key=_waiting_since), limit))


async def part_of_message(database: Database, creator: str, gift: UUID) -> Part:
    """Return the part of the viewer whose message goes with a gift to a creator."""
    for part in database.parts:
        async with part.transaction() as tx:
            if await messages.find_viewer(tx, creator, gift) is not None:
                return part
    raise NoSuchMessage


async def decide_message(
    tx: Transaction,
    creator: str,
    gift_id: UUID,
    state: MessageState,
    *,
    by: str,
    correlation_id: str,
) -> Message:
    """Show or remove the message of a gift; the same decision again changes nothing."""
    viewer = await messages.find_viewer(tx, creator, gift_id)
    if viewer is None:
        raise NoSuchMessage
    gift = (await gifts.lock(tx, [(viewer, gift_id)]))[gift_id]
    written = gift.message
    assert written is not None
    before = gift.message_state or MessageState.SHOWN
    if before is not state:
        if before is MessageState.REMOVED:
            raise MessageIsRemoved
        gift, now = replace(gift, message_state=state), datetime.now(UTC)
        if gift.state is State.SENT:
            gift = replace(gift, message_revision=gift.message_revision + 1)
            fact = Fact(_event(gift), gift.version, Cause(correlation_id), now)
            await publish(tx, [fact], archive=True)
        await messages.decide(tx, gift, by=by, at=now)
    return Message(
        gift=gift.id,
        viewer=None if gift.anonymous else gift.viewer,
        room=gift.room,
        text=written,
        state=state,
        held_at=None,
    )


async def remove_messages(tx: Transaction, viewer: str, cause: Cause) -> int:
    """Erase all messages of a viewer, and say of those that were sent that they are removed."""
    removed = await messages.erase_all(tx, viewer)
    now = datetime.now(UTC)
    facts = [
        Fact(_event(gift), gift.version, cause, now) for gift in removed if gift.state is State.SENT
    ]
    await publish(tx, facts, archive=True)
    return len(removed)


def hold_message(gift: Gift, cause: Cause, at: datetime) -> tuple[Gift, Fact]:
    """Say that the message of a gift that is now sent waits for approval."""
    gift = replace(gift, message_revision=gift.message_revision + 1)
    return gift, Fact(_event(gift), gift.version, cause, at)


def _waiting_since(message: Message) -> tuple[datetime, UUID]:
    assert message.held_at is not None
    return message.held_at, message.gift


def _event(gift: Gift) -> MessageEvent:
    about = {
        "gift": gift.id,
        "revision": gift.message_revision,
        "viewer": gift.viewer,
        "creator": gift.creator,
        "room": gift.room,
        "anonymous": gift.anonymous,
    }
    if gift.message_state is MessageState.HELD:
        return MessageHeld.model_validate(about)
    if gift.message_state is MessageState.REMOVED:
        return MessageRemoved.model_validate(about)
    return MessageShown.model_validate({**about, "message": gift.message})
