"""
Rooms as live tells of them: each fact says all that is so, and the newest one is right.

Newest is the highest revision of the stream that was opened last. A version of live from before
revisions tells of openings and closings without one, and not who the guests are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Room:
    """Whose a room is, who is a guest, and the stream that goes on or went on last."""

    room: str
    creator: str
    guests: tuple[str, ...]
    stream: UUID | None
    is_open: bool
    opened_at: datetime | None
    revision: int = 0


def newest(known: Room | None, updates: Iterable[Room]) -> Room:
    """Return what is so of a room, in any order of its updates, and however often they come."""
    facts = [*([known] if known else []), *updates]
    latest = max(facts, key=_age)
    # A stream that is over stays over, also where a fact without a revision says that it is.
    over = {each.stream for each in facts if not each.is_open}
    return replace(latest, is_open=latest.is_open and latest.stream not in over)


def _age(room: Room) -> tuple[float, int, bool]:
    opened = room.opened_at.timestamp() if room.opened_at else 0.0
    return (opened, room.revision, not room.is_open)
