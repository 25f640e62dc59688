"""Streams, as live tells of them: when which room was live."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Stream:
    """A room from an opening to its closing; `closed_at` is None until the end is known."""

    stream: UUID
    room: str
    creator: str
    opened_at: datetime
    closed_at: datetime | None = None


def merge(streams: Iterable[Stream]) -> list[Stream]:
    """Return each stream once, with its end if any of them has it, whatever their order."""
    found: dict[UUID, Stream] = {}
    for each in streams:
        known = found.setdefault(each.stream, each)
        if known.closed_at is None and each.closed_at is not None:
            found[each.stream] = replace(known, closed_at=each.closed_at)
    return [found[stream] for stream in sorted(found)]
