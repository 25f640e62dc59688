"""What a batch has to know beside its events: rooms, known gifts, streams, goals, perks."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from services.live.domain.gift_totals import Gift, LotKey, Reversal, RoomTotals
from services.live.domain.goals import Goal
from services.live.domain.streams import Stream
from services.live.store.feed import EntryKey
from shared.postgres.database import Transaction
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class BatchContext:
    """
    What was there when the batch was counted.

    `generation` grows with each rebuild: a gift counts once in each. `older` are gifts that an
    earlier generation counted, `reversals` and `messages` the newest ones of all gifts asked for,
    and `shown` the entries that a feed has already. While a rebuild counts, `is_quiet`: nothing is
    published.
    """

    rooms: dict[str, RoomTotals]
    counted: dict[UUID, Gift]
    older: frozenset[UUID]
    reversals: tuple[Reversal, ...]
    messages: dict[UUID, str | None]
    shown: frozenset[EntryKey]
    streams: tuple[Stream, ...]
    goals: tuple[Goal, ...]
    perk_creators: frozenset[str]
    generation: int
    is_quiet: bool

    def known_reversals(self) -> dict[LotKey, tuple[int, int]]:
        """Return the newest (revision, coins) of gifts, by gift and lot."""
        return {(one.gift, one.lot): (one.revision, one.reversed_coins) for one in self.reversals}

    def stream_of(self, room: str | None, sent_at: datetime) -> UUID | None:
        """Return the stream a gift was given to."""
        for stream in self.streams:
            if stream.room == room and stream.was_open_at(sent_at):
                return stream.stream
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a batch is about, and when its new gifts were sent."""

    rooms: AbstractSet[str]
    creators: AbstractSet[str]
    gifts: AbstractSet[UUID]
    entries: AbstractSet[EntryKey]
    moments: Sequence[datetime]


_CONTEXT = TypeAdapter(BatchContext)


async def read_batch_context(tx: Transaction, asked: Asked) -> BatchContext:
    """
    Lock the goals that gifts may advance, and read it all, as one JSON document.

    The batch's locks are held (`lock_batch`), so no gift of it is counted and no stream of its
    rooms begins or ends meanwhile.
    """
    entries = sorted(asked.entries)
    document = await tx.execute(
        _READ,
        {
            "rooms": list(asked.rooms),
            "creators": list(asked.creators),
            "gifts": list(asked.gifts),
            "entry_rooms": [room for room, _, _ in entries],
            "entry_kinds": [kind for _, kind, _ in entries],
            "entry_subjects": [subject for _, _, subject in entries],
            "earliest": min(asked.moments, default=None),
            "latest": max(asked.moments, default=None),
        },
    )
    return _CONTEXT.validate_json(document.scalar_one())


# Each look-up is LATERAL with OFFSET 0: row by row through an index, on all statistics
# of tables that were small, or empty, when it last counted them.
_READ = text("""
    WITH room AS (SELECT name FROM unnest(CAST(:rooms AS text[])) AS asked (name)),
    creator AS (SELECT name FROM unnest(CAST(:creators AS text[])) AS asked (name)),
    gift AS (SELECT id FROM unnest(CAST(:gifts AS uuid[])) AS asked (id)),
    rebuild AS (
        SELECT coalesce(max(generation), 0) AS generation,
            coalesce(bool_or(phase = 'counting'), false) AS is_quiet FROM rebuilds
    ),
    known AS (
        SELECT found.* FROM gift CROSS JOIN LATERAL (
            SELECT * FROM gifts WHERE gifts.gift = gift.id OFFSET 0
        ) AS found
    ),
    span AS (
        SELECT least(CAST(:earliest AS timestamptz), min(sent_at)) AS earliest,
            greatest(CAST(:latest AS timestamptz), max(sent_at)) AS latest FROM known
    ),
    candidate AS MATERIALIZED (
        SELECT found.goal FROM span CROSS JOIN (
            SELECT of_room.* FROM room CROSS JOIN LATERAL (
                SELECT * FROM goals WHERE goals.room = room.name AND removed_at IS NULL OFFSET 0
            ) AS of_room
            UNION ALL
            SELECT of_creator.* FROM creator CROSS JOIN LATERAL (
                SELECT * FROM goals WHERE goals.creator = creator.name AND removed_at IS NULL
                OFFSET 0
            ) AS of_creator WHERE of_creator.room IS NULL
        ) AS found
        WHERE starts_at <= span.latest AND (ends_at IS NULL OR ends_at > span.earliest)
        ORDER BY goal
    ),
    locked_goal AS (
        SELECT found.* FROM candidate CROSS JOIN LATERAL (
            SELECT * FROM goals WHERE goals.goal = candidate.goal AND removed_at IS NULL
            OFFSET 0 FOR UPDATE
        ) AS found
    )
    SELECT json_build_object(
        'generation', rebuild.generation,
        'is_quiet', rebuild.is_quiet,
        'rooms', (
            SELECT coalesce(json_object_agg(found.room, to_json(found)), '{}')
            FROM room CROSS JOIN LATERAL (
                SELECT * FROM rooms WHERE rooms.room = room.name OFFSET 0
            ) AS found
        ),
        'counted', (
            SELECT coalesce(json_object_agg(known.gift, to_json(known)), '{}')
            FROM known WHERE known.generation = rebuild.generation
        ),
        'older', (
            SELECT coalesce(json_agg(known.gift), '[]')
            FROM known WHERE known.generation < rebuild.generation
        ),
        'reversals', (
            SELECT coalesce(json_agg(found), '[]') FROM gift CROSS JOIN LATERAL (
                SELECT * FROM reversals WHERE reversals.gift = gift.id OFFSET 0
            ) AS found
        ),
        'messages', (
            SELECT coalesce(json_object_agg(found.gift, found.message), '{}')
            FROM gift CROSS JOIN LATERAL (
                SELECT * FROM messages WHERE messages.gift = gift.id OFFSET 0
            ) AS found
        ),
        'shown', (
            SELECT coalesce(json_agg(json_build_array(room, kind, subject)), '[]')
            FROM unnest(
                CAST(:entry_rooms AS text[]), CAST(:entry_kinds AS text[]),
                CAST(:entry_subjects AS uuid[])
            ) AS entry (room, kind, subject)
            WHERE EXISTS (
                SELECT FROM feed WHERE feed.room = entry.room AND feed.kind = entry.kind
                    AND feed.subject = entry.subject AND feed.kind <> 'gift' OFFSET 0
            )
        ),
        'streams', (
            SELECT coalesce(json_agg(found), '[]') FROM room CROSS JOIN LATERAL (
                SELECT * FROM streams WHERE streams.room = room.name
                    AND opened_at <= CAST(:latest AS timestamptz)
                    AND coalesce(closed_at, 'infinity') > CAST(:earliest AS timestamptz)
                OFFSET 0
            ) AS found
        ),
        'goals', (SELECT coalesce(json_agg(locked_goal), '[]') FROM locked_goal),
        'perk_creators', (
            SELECT coalesce(json_agg(name), '[]') FROM creator WHERE EXISTS (
                SELECT FROM perks WHERE perks.creator = creator.name OFFSET 0
            )
        )
    )::text
    FROM rebuild
""")
