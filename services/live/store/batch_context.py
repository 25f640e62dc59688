"""What a batch has to know beside its events: streams, goals, perks, and a rebuild going on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from services.live.domain.goals import Goal
from services.live.domain.streams import Stream
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class BatchContext:
    """
    What creators had set up when the batch was counted.

    `generation` grows with each rebuild. While a rebuild counts, `is_quiet`: nothing is published.
    """

    streams: tuple[Stream, ...]
    goals: tuple[Goal, ...]
    perk_creators: frozenset[str]
    generation: int
    is_quiet: bool

    def stream_of(self, room: str | None, sent_at: datetime) -> UUID | None:
        """Return the stream a gift was given to."""
        for stream in self.streams:
            if stream.room == room and stream.was_open_at(sent_at):
                return stream.stream
        return None


_STREAMS = TypeAdapter(tuple[Stream, ...])
_GOALS = TypeAdapter(tuple[Goal, ...])


async def read_batch_context(
    tx: Transaction,
    *,
    rooms: Iterable[str],
    creators: Iterable[str],
    earliest: datetime,
    latest: datetime,
) -> BatchContext:
    """
    Read what matters to gifts sent between two moments, in one statement.

    The rooms are locked, so no stream of theirs begins or ends meanwhile.
    """
    asked = {
        "rooms": sorted(rooms),
        "creators": sorted(creators),
        "earliest": earliest,
        "latest": latest,
    }
    row = (await tx.execute(_READ, asked)).one()
    return BatchContext(
        streams=_STREAMS.validate_python(row.streams or ()),
        goals=_GOALS.validate_python(row.goals or ()),
        perk_creators=frozenset(row.perk_creators or ()),
        generation=row.generation or 0,
        is_quiet=row.phase == "counting",
    )


_READ = text("""
    SELECT
        (SELECT jsonb_agg(to_jsonb(streams)) FROM streams
         WHERE room = ANY(CAST(:rooms AS text[])) AND opened_at <= :latest
           AND (closed_at IS NULL OR closed_at > :earliest)) AS streams,
        (SELECT jsonb_agg(to_jsonb(goals)) FROM goals
         WHERE removed_at IS NULL AND starts_at <= :latest
           AND (room = ANY(CAST(:rooms AS text[]))
                OR room IS NULL AND creator = ANY(CAST(:creators AS text[])))) AS goals,
        (SELECT array_agg(DISTINCT creator) FROM perks
         WHERE creator = ANY(CAST(:creators AS text[]))) AS perk_creators,
        rebuilds.generation, rebuilds.phase
    FROM (SELECT) AS one LEFT JOIN rebuilds ON true
""")
