"""What a transaction adds to the feeds of rooms it has locked."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from pydantic_core import to_json

from services.live.domain.gifts import Room
from services.live.store import counting, feed
from services.live.store.feed import Entry
from shared.postgres.database import Transaction

# Told what was added once it has committed.
Show: TypeAlias = Callable[[Sequence[Entry]], None]


class Page:
    """New entries, numbered on from where their rooms are."""

    def __init__(self, rooms: Mapping[str, Room]) -> None:
        self._rooms = rooms
        self._entries: list[Entry] = []

    def add(self, room: str, kind: str, subject: UUID, shown: Mapping[str, object]) -> None:
        """Show something in a room."""
        self._rooms[room].sequence += 1
        written = to_json(shown).decode()
        self._entries.append(Entry(room, self._rooms[room].sequence, kind, subject, written))

    async def save(self, tx: Transaction, *, show: Show) -> None:
        """Write rooms and entries; show them as soon as that has committed."""
        await counting.save_rooms(tx, self._rooms.values())
        await feed.add(tx, self._entries)
        if self._entries:
            tx.after_commit(lambda: show(self._entries))
