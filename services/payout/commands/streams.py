"""Streams are remembered, so that earnings can be summed up by them."""

from collections.abc import Sequence

from services.payout.domain.streams import Stream, merge
from services.payout.store import streams as store
from shared.contracts.envelope import Envelope
from shared.contracts.live import RoomClosed, StreamEvent
from shared.postgres.database import Transaction


async def record_streams(tx: Transaction, received: Sequence[Envelope[StreamEvent]]) -> None:
    """Remember when rooms went live and when that ended, in any order and however often."""
    await store.add_streams(tx, merge(_stream(message.data) for message in received))


def _stream(event: StreamEvent) -> Stream:
    return Stream(
        stream=event.stream,
        room=event.room,
        creator=event.creator,
        opened_at=event.opened_at,
        closed_at=event.closed_at if isinstance(event, RoomClosed) else None,
    )
