"""Streams, as live tells of them."""

from collections.abc import Sequence

from services.payout import columns as tables
from services.payout.domain.streams import Stream
from shared.postgres.database import Transaction
from shared.postgres.rows import arrays, insert_rows


async def add_streams(tx: Transaction, streams: Sequence[Stream]) -> None:
    """Write streams in sorted order; one that is known gets its end, once."""
    if streams:
        await tx.execute(_ADD, arrays(streams, *Stream.__slots__))


_ADD = insert_rows(
    tables.Stream,
    *Stream.__slots__,
    then="""ON CONFLICT (stream) DO UPDATE SET closed_at = excluded.closed_at
    WHERE streams.closed_at IS NULL AND excluded.closed_at IS NOT NULL""",
)
