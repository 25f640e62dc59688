"""What a batch of facts has to know beside them: streams, goals, perks, and a rebuild going on."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.live.domain.goals import Goal
from services.live.domain.rooms import Stream
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What people had set up when the batch was counted.

    `counting` grows whenever live is built anew; while that goes on it is `quiet`, and nothing is
    announced.
    """

    streams: tuple[Stream, ...]
    goals: tuple[Goal, ...]
    perk_creators: frozenset[str]
    counting: int
    quiet: bool

    def stream_of(self, room: str | None, sent_at: datetime) -> UUID | None:
        """Return the stream a gift was given to."""
        for stream in self.streams:
            if stream.room == room and stream.was_open_at(sent_at):
                return stream.stream
        return None


# A batch may be of thousands of creators, and the server has room for so many locks in all.
CREATORS_A_LOCK_OF = 256
# What these locks are told apart by from all others.
_CREATORS = 1


async def keep_rules_of(tx: Transaction, creators: Iterable[str]) -> None:
    """Let nobody change what these creators set up until this transaction ends."""
    await tx.execute(_KEEP, {"class": _CREATORS, "creators": _places(creators)})


async def wait_briefly(tx: Transaction) -> None:
    """Give up a lock soon: whoever waits to set something up makes those behind them wait."""
    await tx.execute(_WAIT_BRIEFLY)


async def hold_counting_of(tx: Transaction, creator: str) -> None:
    """Let no batch with gifts to a creator begin until this ends; those that did have ended."""
    await wait_briefly(tx)
    await tx.execute(_HOLD, {"class": _CREATORS, "creators": _places([creator])})


def _places(creators: Iterable[str]) -> list[int]:
    """Return where creators are locked, sorted; some share a place."""
    return sorted({zlib.crc32(creator.encode()) % CREATORS_A_LOCK_OF for creator in creators})


async def read(
    tx: Transaction,
    *,
    rooms: Iterable[str],
    creators: Iterable[str],
    earliest: datetime,
    latest: datetime,
) -> Rules:
    """
    Read what matters to gifts sent between two moments, in one statement.

    The rooms are locked, so no stream of theirs begins or ends meanwhile.
    """
    row = (
        await tx.execute(
            _READ,
            {
                "rooms": sorted(rooms),
                "creators": sorted(creators),
                "earliest": earliest,
                "latest": latest,
            },
        )
    ).one()
    return Rules(
        streams=tuple(_stream(told) for told in row.streams or ()),
        goals=tuple(_goal(told) for told in row.goals or ()),
        perk_creators=frozenset(row.perk_creators or ()),
        counting=row.counting or 0,
        quiet=row.phase == "counting",
    )


def _stream(told: Mapping[str, Any]) -> Stream:
    return Stream(
        stream=UUID(told["stream"]),
        room=told["room"],
        number=told["number"],
        creator=told["creator"],
        title=told["title"],
        opened_at=datetime.fromisoformat(told["opened_at"]),
        closed_at=_moment(told["closed_at"]),
    )


def _goal(told: Mapping[str, Any]) -> Goal:
    return Goal(
        goal=UUID(told["goal"]),
        creator=told["creator"],
        room=told["room"],
        title=told["title"],
        target_coins=told["target_coins"],
        starts_at=datetime.fromisoformat(told["starts_at"]),
        ends_at=_moment(told["ends_at"]),
    )


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


_PLACES = """
    FROM unnest(CAST(:creators AS integer[])) WITH ORDINALITY AS asked (creator, position)
    ORDER BY position
"""
_KEEP = text(f"SELECT pg_advisory_xact_lock_shared(CAST(:class AS integer), creator) {_PLACES}")
_WAIT_BRIEFLY = text("SET LOCAL lock_timeout = 1000")
_HOLD = text(f"SELECT pg_advisory_xact_lock(CAST(:class AS integer), creator) {_PLACES}")
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
        rebuilds.counting, rebuilds.phase
    FROM (SELECT) AS one LEFT JOIN rebuilds ON true
""")
